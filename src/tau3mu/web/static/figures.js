// Says of each picture that it is being made, until it is there or cannot be made.

const TRIES = 3; // the worker answers that it is busy if many pages ask at once
const PAUSE = 3000; // ms

function follow(figure) {
  const image = figure.querySelector("img");
  if (!image || (image.complete && image.naturalWidth)) return;
  let tries = 0;
  figure.dataset.state = "made";
  image.addEventListener("load", () => delete figure.dataset.state);
  image.addEventListener("error", () => {
    tries += 1;
    if (tries < TRIES) {
      const address = image.src.replace(/&again=\d+$/, "");
      setTimeout(() => (image.src = `${address}&again=${tries}`), PAUSE);
    } else {
      figure.dataset.state = "failed";
      figure.dataset.text = "the picture cannot be made";
    }
  });
}

for (const figure of document.querySelectorAll("figure[data-text]")) follow(figure);
