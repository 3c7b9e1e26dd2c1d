// A ticket in a cookie keeps the place. The page is loaded again, with what stands behind the # of the
// address; where a recorded run is shown, what comes is put below it instead, and the run goes on.
(() => {
  const waiting = document.getElementById("waiting");
  const tell = (text, again) => window.landscapeOpened?.then(stage => stage?.say(text, again));
  const say = text => { waiting.textContent = text; tell(text); };

  // What the server answers now: the page that waits, the live page, or another.
  const fetched = async () => {
    let answer, page;
    try {
      answer = await fetch(location.href);
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      tell("The server does not answer. The recording stays.", true);
      setTimeout(fetched, 5000);
      return;
    }
    const still = page.getElementById("waiting"), live = page.getElementById("stage_live");
    if (live) window.landscapeLive(page);
    else if (!still) location.reload();
    else {
      Object.assign(waiting.dataset, still.dataset);
      waiting.replaceChildren(...still.childNodes);
      next();
    }
  };
  const next = () => {
    const load = Number(waiting.dataset.fetches) ? fetched : () => location.reload();
    if (!Number(waiting.dataset.place)) return landscapeAgain(load, say);
    tell(`${waiting.querySelector("p").textContent.trim()} The recording stays.`);
    setTimeout(load, Number(waiting.dataset.retry));
  };
  next();
})();
