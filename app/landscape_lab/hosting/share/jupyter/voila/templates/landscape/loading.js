// What Voila's page calls while it runs the notebook, and when the loading screen may go.
(() => {
  "use strict";

  // The colours that were chosen in the app (`appearance.js`), from the first paint on.
  try {
    const chosen = localStorage.getItem("landscape-lab-appearance");
    if (chosen) document.documentElement.dataset.appearance = chosen;
  } catch {} // storage may be refused

  const HINT_AFTER_MS = 20000; // a first start on a slow disk; later ones take a few seconds
  const GIVE_WAY_AFTER_MS = 15000; // cells done but nothing visible: show whatever there is
  const VISIBLE_PX = 40;
  const ALIVE_EVERY_MS = 5000; // the server ends a kernel whose page does not connect
  const ALIVE_FOR_MS = 300000;

  const screen = document.getElementById("loading");
  const text = document.getElementById("loading_text");
  const hint = document.getElementById("loading_hint");

  const hintTimer = setTimeout(() => {
    hint.hidden = false;
    hint.textContent =
      "This takes longer than usual. If nothing changes, look at the terminal that runs the server.";
  }, HINT_AFTER_MS);

  // On a slow network or machine it takes a while until the page is connected to its kernel. Until
  // then asking about the kernel says that somebody is there.
  const aliveTimer = setInterval(() => {
    const config = document.getElementById("jupyter-config-data");
    if (!config) return;
    try {
      const { baseUrl, kernelId } = JSON.parse(config.textContent);
      fetch(`${baseUrl}api/kernels/${kernelId}`).catch(() => {});
    } catch {} // still being received
  }, ALIVE_EVERY_MS);
  setTimeout(() => clearInterval(aliveTimer), ALIVE_FOR_MS);

  const leave = () => {
    clearInterval(aliveTimer);
    clearTimeout(hintTimer);
    screen.classList.add("leaving");
    setTimeout(() => screen.remove(), 400);
  };

  // The cells are done before BokehJS has drawn what they return: wait until something has a height.
  const leaveWhenDrawn = (cells) => {
    const giveWayAt = performance.now() + GIVE_WAY_AFTER_MS;
    const timer = setInterval(() => {
      if (cells.firstElementChild.offsetHeight > VISIBLE_PX || performance.now() > giveWayAt) {
        clearInterval(timer);
        leave();
      }
    }, 50);
  };

  window.voila_heartbeat = () => {};
  window.update_loading_text = (index, count, message) => {
    text.textContent =
      message ?? (index < count ? "Loading the libraries…" : "Drawing the first landscape…");
    window.landscapeStage?.say(`A recorded run. ${text.textContent}`);
  };
  window.voila_process = (index, count) => window.update_loading_text(index, count);

  // Called at the end of the page and again by Voila's script once its theme is there.
  window.display_cells = () => {
    if (!window.themeLoaded) {
      window.cellLoaded = true;
      return;
    }
    const cells = document.getElementById("rendered_cells");
    if (!cells.hidden) return;
    cells.hidden = false;
    leaveWhenDrawn(cells);
  };
  window.voila_finish = window.display_cells;
})();
