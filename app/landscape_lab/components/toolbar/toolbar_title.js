// The title of the preset on its button: whole where the bar has room for it, else it ends in dots.
const EXAMPLES = "Examples: all presets with their pictures (X)";

// The whole title is also under the pointer.
function entitle(button, named, title) {
  named.textContent = title || "Examples";
  button.title = title ? `${title} – ${EXAMPLES}` : EXAMPLES;
  button.setAttribute("aria-label", `Examples; now: ${title}`);
}

// Give the button what is left of its line before the readings, as far as its title needs it.
function widen(button, named, readings) {
  const bar = readings.parentNode, before = [...bar.children].filter(one => one !== readings && one.offsetWidth).pop();
  const left = before.getBoundingClientRect(), right = readings.getBoundingClientRect();
  if (right.top >= left.bottom) return;  // they are on a line of their own
  const spare = Math.floor(right.left - left.right - parseFloat(getComputedStyle(bar).columnGap));
  const more = Math.min(named.scrollWidth - named.clientWidth, spare);
  if (more > 0) button.style.width = `${button.offsetWidth + more}px`;
}
