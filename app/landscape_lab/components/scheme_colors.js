// The colours of the scheme that a page has, for what is painted on a canvas; `appearance.js` sets them.
const IN_LIGHT = {
  surface: "#ffffff", raised: "#ffffff", ink: "#1d2a33", muted: "#5d6b75", line: "#e4e9ec", frame: "#b7c0c7",
  control: "#87959f", accent: "#0f6e84",
};

// By name, as `#rrggbb`; those of a light page where the document has none.
function schemeColors(el) {
  const style = getComputedStyle(el);
  return Object.fromEntries(Object.entries(IN_LIGHT).map(([name, light]) => [name, style.getPropertyValue(`--${name}`).trim() || light]));
}

// Red, green and blue of `#rrggbb`, from 0 to 1.
const partsOf = color => [1, 3, 5].map(k => parseInt(color.slice(k, k + 2), 16) / 255);

// Act whenever the page has another scheme, as long as the element is there.
function onScheme(el, act) {
  document.addEventListener("landscape-scheme", function heard() {
    if (el.isConnected) act(); else document.removeEventListener("landscape-scheme", heard);
  });
}
