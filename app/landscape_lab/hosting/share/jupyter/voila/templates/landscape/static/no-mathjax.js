// In place of MathJax, which Voila's script would load from another machine. Formulas on this page
// are written in HTML, so there is nothing to typeset: each call that Voila's script makes is empty.
window.MathJax = {
  Ajax: {},
  Hub: {
    Config() {},
    Configured() {},
    Queue() {},
    Register: { StartupHook() {} },
  },
};
