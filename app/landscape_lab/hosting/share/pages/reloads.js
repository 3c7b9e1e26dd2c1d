// How often a page came at once again, lately: where the browser keeps no cookies, it would do so for ever.
const landscapeReloads = () => {
  const KEPT = "landscape-lab-reloads", [before, at] = JSON.parse(sessionStorage.getItem(KEPT) ?? "[0, 0]");
  const now = Date.now(), count = now - at < 10000 ? before + 1 : 1;
  sessionStorage.setItem(KEPT, JSON.stringify([count, now]));
  return count;
};
// Loads it again, or says why that would not help.
const landscapeAgain = (load, say) => {
  try {
    if (landscapeReloads() > 5) throw new Error("no cookies");
    load();
  } catch {
    say("This page needs cookies of this site. Please allow them and load the page again.");
  }
};
