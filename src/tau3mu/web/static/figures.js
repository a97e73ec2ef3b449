// Says of each picture that it is being made, until it is there or cannot be made.

for (const figure of document.querySelectorAll("figure[data-text]")) {
  const image = figure.querySelector("img");
  const done = () => {
    if (image.naturalWidth) delete figure.dataset.state;
    else failed();
  };
  const failed = () => {
    figure.dataset.state = "failed";
    figure.dataset.text = "the picture cannot be made";
  };
  if (image.complete && image.naturalWidth) continue;
  figure.dataset.state = "made";
  image.addEventListener("load", done);
  image.addEventListener("error", failed);
}
