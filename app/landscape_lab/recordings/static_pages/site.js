// Players start when they come into view; thumbnails roll while they are pointed at.
(() => {
  const held = name => JSON.parse(document.getElementById(`recording-${name}`).textContent);
  const seen = (nodes, act, options) => {
    const watcher = new IntersectionObserver(entries => entries.forEach(({target, isIntersecting}) => {
      if (isIntersecting) { watcher.unobserve(target); act(target); }
    }), options);
    nodes.forEach(node => watcher.observe(node));
  };
  window.players = {};
  const deep = "WebGL2RenderingContext" in window;
  seen(document.querySelectorAll("[data-recording]"), node => {
    const name = node.dataset.recording, options = JSON.parse(node.dataset.options);
    if (!deep && options.view === "3d") options.view = "2d";
    window.players[name] = window.landscapePlayer.createPlayer(node, held(name), options);
  }, {rootMargin: "300px"});
  seen(document.querySelectorAll("[data-thumbnail]"), canvas => {
    const picture = window.landscapePlayer.createThumbnail(canvas, held(canvas.dataset.thumbnail)), card = canvas.closest("a");
    for (const name of ["pointerenter", "focus"]) card.addEventListener(name, picture.roll);
  }, {rootMargin: "300px"});
})();
