// The ticket in a cookie comes back while the recorded run is received: what follows it is sent from then on.
// Where it may not enter, the page is loaded again, which waits for a place.
fetch(location.href, {method: "POST"}).then(answer => answer.ok, () => true).then(entered => {
  if (!entered) landscapeAgain(() => location.reload(), text => addEventListener("load", () => window.landscapeOpened?.then(stage => stage?.say(text, true))));
});
