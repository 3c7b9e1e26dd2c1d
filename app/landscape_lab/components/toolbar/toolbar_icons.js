// The mark of the laboratory, and the drawings on the buttons of its bar.
const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke-width="1.7" aria-hidden="true"><ellipse cx="12" cy="12" rx="10.5" ry="8.5" style="stroke:var(--accent,#440154)" transform="rotate(-24 12 12)"/><ellipse cx="12.6" cy="12.4" rx="7" ry="5.2" stroke="#21918c" transform="rotate(-24 12 12)"/><ellipse cx="13.2" cy="12.8" rx="3.4" ry="2.3" stroke="#5ec962" transform="rotate(-24 12 12)"/></svg>`;
const icon = path => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"><path d="${path}"/></svg>`;
const drawn = path => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${path}"/></svg>`;
const ICONS = {
  play: icon("M3 1.5v13l11-6.5z"), pause: icon("M3 1.5h3.6v13H3zM9.4 1.5H13v13H9.4z"),
  step: icon("M2 1.5v13L10 8zM11.5 1.5H14v13h-2.5z"),
  reset: icon("M8 2.2a5.8 5.8 0 1 1-5.6 4.3l1.9.5A3.9 3.9 0 1 0 8 4.1v2.4L3.9 3.2 8 0z"),
  seed: icon("M3 1h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2zm1.7 2.2a1.5 1.5 0 1 0 .01 0zm6.6 0a1.5 1.5 0 1 0 .01 0zM8 6.5a1.5 1.5 0 1 0 .01 0zM4.7 9.8a1.5 1.5 0 1 0 .01 0zm6.6 0a1.5 1.5 0 1 0 .01 0z"),
  undo: drawn("M5.5 2.5 2 6l3.5 3.5M2.5 6H10a4 4 0 0 1 0 8H6"), redo: drawn("M10.5 2.5 14 6l-3.5 3.5M13.5 6H6a4 4 0 0 0 0 8h4"),
  restore: drawn("M13.5 8.5a5.5 5.5 0 1 1-1.6-4.4M13.5 1.5v3.6H9.9"), keep: drawn("M4 1.5h8v13L8 11l-4 3.5z"),
  export: drawn("M8 1.5v8.5M4.5 7 8 10.5 11.5 7M2 11.5v3h12v-3"), projector: drawn("M1.5 2h13v8.5h-13zM8 10.5v2M4.5 15 8 12.5l3.5 2.5"),
  system: drawn("M8 2a6 6 0 1 0 .01 0M8 2v12M10.5 3v10M13 5v6"), light: drawn("M8 5a3 3 0 1 0 .01 0M8 .8v1.4M8 13.8v1.4M.8 8h1.4M13.8 8h1.4M2.9 2.9l1 1M12.1 12.1l1 1M13.1 2.9l-1 1M3.9 12.1l-1 1"), dark: drawn("M13.5 9.6A6 6 0 1 1 6.4 2.5a4.9 4.9 0 0 0 7.1 7.1z"),
  help: drawn("M5.2 5.5A2.8 2.8 0 1 1 8 8.3V10M8 13.3v.1"), more: icon("M2 6.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zm6 0a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zm6 0a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z"),
  examples: icon("M1.5 2.5h5.6v4.8H1.5zM8.9 2.5h5.6v4.8H8.9zM1.5 8.9h5.6v4.8H1.5zM8.9 8.9h5.6v4.8H8.9z"),
  settings: drawn("M2 4h5m4 0h3M9 2.2v3.6M2 12h2m4 0h6M6 10.2v3.6"), close: drawn("M3.5 3.5l9 9M12.5 3.5l-9 9"),
};

// The button for the colour scheme: its drawing and its words say which one was chosen.
const APPEARANCES = {system: "Colours: as the system has them", light: "Colours: light", dark: "Colours: dark"};
function onAppearance(button) {
  const show = () => {
    const choice = document.documentElement.dataset.appearance ?? "system", words = APPEARANCES[choice];
    button.firstElementChild.outerHTML = ICONS[choice];
    button.lastElementChild.textContent = button.title = words;
    button.setAttribute("aria-label", `${words}; press for the next`);
  };
  button.dataset.action = "appearance";
  document.addEventListener("landscape-scheme", show);
  show();
}
