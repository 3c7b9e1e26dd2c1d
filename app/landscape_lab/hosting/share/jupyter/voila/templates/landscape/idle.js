// Ends the page's process after some time without a run or an input, if the server says so: others
// may wait for its place. The page that then says that Python has ended has a button to reload.
(() => {
  "use strict";

  const LOOKS_A_TIMEOUT = 10;

  let last = Date.now();
  for (const kind of ["pointerdown", "pointermove", "wheel", "keydown", "touchstart"])
    addEventListener(kind, () => { last = Date.now(); }, { capture: true, passive: true });

  const runs = root =>
    [...root.querySelectorAll("*")].some(
      one => one.dataset?.status === "running" || (one.shadowRoot && runs(one.shadowRoot)));

  const end = ({ baseUrl, kernelId }) => {
    const body = new FormData();
    body.append("_xsrf", document.cookie.match(/\b_xsrf=([^;]*)/)?.[1] ?? "");
    fetch(`${baseUrl}voila/api/shutdown/${kernelId}`, { method: "POST", body }).catch(() => {});
  };

  addEventListener("load", () => {
    const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
    const timeout = 1000 * (config.landscapeIdleTimeout ?? 0);
    if (!timeout) return;
    last = Date.now();
    const timer = setInterval(() => {
      if (runs(document)) last = Date.now();
      if (Date.now() - last < timeout) return;
      clearInterval(timer);
      end(config);
    }, timeout / LOOKS_A_TIMEOUT);
  });
})();
