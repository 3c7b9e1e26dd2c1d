// The clipboard of the browser, and what to do where a page may not use it: only secure pages may, those
// of https or of this machine.
const MAY_NOT = "The browser keeps the clipboard from pages without https";

// Whether a text was copied; `near` holds what is needed for a moment by the older way.
async function copiedText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* no leave, or no secure page */ }
  const area = Object.assign(document.createElement("textarea"), {value: text}), had = document.activeElement;
  near.append(area);
  area.select();
  let done = false;
  try { done = document.execCommand("copy"); } catch { /* as it is */ }
  area.remove();
  had?.focus?.();
  return done;
}

// Begin to copy a picture that comes later: a promise of its PNG. Whether it was copied.
async function copiedPicture(coming) {
  if (!navigator.clipboard?.write || !window.ClipboardItem) return false;
  try {
    await navigator.clipboard.write([new ClipboardItem({"image/png": coming})]);
    return true;
  } catch {
    return false;
  }
}
