// Help popovers of the form's rows.
const DELAY = 450, STAY = 150;  // milliseconds of hovering until help is shown, and hidden

// The help popover of a row, shown on keyboard focus, on hovering, or after a tap on the label.
// Escape hides it. One is shown at a time.
function helper(terms) {
  let shown = null, timer = 0;
  const later = (act, delay) => { clearTimeout(timer); timer = setTimeout(act, delay); };
  const hide = () => { clearTimeout(timer); shown?.hidePopover(); shown = null; };
  const show = (row, tip) => {
    clearTimeout(timer);
    if (shown === tip || !row.isConnected) return;
    hide();
    tip.showPopover();
    // Below the row, or above it, and no wider, so that it covers none of the pictures; only its buttons
    // take the pointer, so that the rows beneath can be pressed.
    const at = row.getBoundingClientRect();
    tip.style.maxWidth = `${at.width - 16}px`;
    const size = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(at.left + 12, innerWidth - size.width - 8))}px`;
    tip.style.top = `${at.bottom + 4 + size.height < innerHeight ? at.bottom + 4 : Math.max(8, at.top - 4 - size.height)}px`;
    shown = tip;
  };
  const attach = (row, label, made, field, id) => {
    const tip = document.createElement("div"), said = document.createElement("div"), name = document.createElement("b");
    tip.className = "tip"; tip.id = `${id}-tip`; tip.popover = "manual"; tip.setAttribute("role", "tooltip");
    name.textContent = field.label;
    const links = terms.buttons(`${field.label} ${field.help}`);
    said.id = `${id}-help`;
    said.append(name, field.help);
    tip.append(said, ...links);
    if (links.length) tip.setAttribute("role", "note");  // a tooltip has no buttons
    for (const input of [made.input, made.slider]) input?.setAttribute("aria-describedby", said.id);
    const touched = e => e.pointerType === "touch";
    row.addEventListener("pointerenter", e => { if (!touched(e)) later(() => show(row, tip), DELAY); });
    row.addEventListener("pointerleave", e => { if (!touched(e)) later(hide, STAY); });
    row.addEventListener("pointerdown", e => { if (!touched(e) && !tip.contains(e.target)) hide(); });
    tip.addEventListener("pointerenter", () => clearTimeout(timer));
    tip.addEventListener("pointerleave", () => later(hide, STAY));
    row.addEventListener("focusin", e => { if (e.target.matches(":focus-visible")) show(row, tip); });
    row.addEventListener("focusout", e => { if (!row.contains(e.relatedTarget)) hide(); });
    row.addEventListener("keydown", e => { if (e.key === "Escape" && shown) { hide(); e.stopPropagation(); } });
    label.addEventListener("click", e => {
      if (!touched(e)) return;
      e.preventDefault();  // do not open the on-screen keyboard or toggle a switch
      if (shown === tip) hide(); else show(row, tip);
    });
    row.append(tip);
  };
  return {attach, hide};
}
