// One card of the grid: it shows a file, and links to it.

import { fileUrl } from "./api.js";
import { formatDay, formatSize } from "./format.js";

const template = document.getElementById("card");

/** A list item for `file`. Its text is set as text, even if the name looks like HTML. */
export function makeCard(file) {
  const card = template.content.firstElementChild.cloneNode(true);
  card.querySelector(".card-link").href = `#${file.id}`;
  card.querySelector(".thumb").append(...thumbnail(file));
  card.querySelector(".name").textContent = file.name;
  card.querySelector(".name").title = file.name;
  card.querySelector(".facts").textContent =
    `${formatSize(file.size)} · ${formatDay(file.uploaded)}`;
  return card;
}

// Screen readers read the name anyway, and should not read it twice.
function thumbnail(file) {
  const isVideo = file.type.startsWith("video/");
  const media = document.createElement(isVideo ? "video" : "img");
  media.addEventListener("error", () => media.closest(".card")?.classList.add("broken"));
  if (isVideo) {
    media.ariaHidden = "true";
    media.muted = true;
    media.playsInline = true;
    media.tabIndex = -1;
    media.preload = "metadata";
    media.src = `${fileUrl(file.id)}#t=0.1`; // the very first picture is often black
  } else {
    media.alt = "";
    media.loading = "lazy";
    media.decoding = "async";
    media.src = fileUrl(file.id);
  }
  return isVideo ? [media, icon("play"), hidden("Video: ")] : [icon("picture"), media];
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function hidden(text) {
  const span = document.createElement("span");
  span.className = "visually-hidden";
  span.textContent = text;
  return span;
}
