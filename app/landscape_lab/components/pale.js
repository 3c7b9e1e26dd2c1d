// Pictures that show other settings than the form are pale, each by a property of the page's styles.
const PALE = ".35";

// Which of them are, by name; soon after, so that a run that goes on, whose next picture obeys, does not flicker.
function paled(el, stale) {
  const {style} = outermost(el);
  style.setProperty("--pale-after", Object.values(stale).some(Boolean) ? "150ms" : "30ms");
  for (const [name, pale] of Object.entries(stale)) style.setProperty(`--stale-${name}`, pale ? PALE : "1");
}
