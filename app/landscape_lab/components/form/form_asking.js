// Between a change in the form and Python's answer to it, the pictures are pale by the browser's own doing.
// `ask` when a setting is changed; `answered` when Python has said what it makes of it, or a little later.
function asking(el, model) {
  let timer = 0;
  const answered = later => {
    clearTimeout(timer);
    timer = setTimeout(() => outermost(el).style.removeProperty("--asked"), later);
  };
  const ask = path => {
    if (!/^(run|slice)\./.test(path)) return;
    if (model.busy) return signal(el, {asked: path});  // a run that goes on obeys with its next picture
    outermost(el).style.setProperty("--asked", PALE);
    answered(1000);  // a value that changes nothing has no answer
  };
  return {ask, answered};
}
