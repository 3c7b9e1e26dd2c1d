// What is said of work that takes time: what it is, how far, how long still.
function working({what, done, total, left}) {
  const said = [what[0].toUpperCase() + what.slice(1)];
  if (total) said.push(`${Math.floor(100 * done / total)} %`);
  if (Number.isFinite(left)) said.push(left < 1 ? "less than 1 s left" : `about ${left < 90 ? `${Math.round(left)} s` : `${Math.round(left / 60)} min`} left`);
  return said.join(", ") + (said.length > 1 ? "" : " …");
}

function standing({alpha, beta, values, names = ["α", "β"], changes = 0, distance = 0}, called) {
  const said = ["train_loss", "test_loss", "test_accuracy"].filter(name => name in values).map(
    name => `${name === "train_loss" ? called : READINGS[name][0]} ${name === "test_accuracy" ? percent(values[name]) : digits(values[name], 3)}`);
  const off = changes ? `, ${digits(distance, 2)} off the plane` : "";
  return [`At ${names[0]} ${signed(alpha)}, ${names[1]} ${signed(beta)}${off}`, ...said].join(" · ");
}
