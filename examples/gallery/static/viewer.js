// The dialog that shows one file large: it follows the URL's fragment, so that a file has a link.

import { deleteFile, fileUrl } from "./api.js";
import { formatMoment, formatSize } from "./format.js";

const byId = (id) => document.getElementById(id);
const viewer = byId("viewer");
const confirm = byId("confirm");
let shown = null;
let neighbours = () => [null, null];
let onDeleted = () => {};

export function setUpViewer(options) {
  ({ neighbours, onDeleted } = options);
  byId("close").addEventListener("click", () => viewer.close());
  byId("previous").addEventListener("click", () => goTo(neighbours(shown)[0]));
  byId("next").addEventListener("click", () => goTo(neighbours(shown)[1]));
  byId("delete").addEventListener("click", askToDelete);
  byId("confirm-delete").addEventListener("click", deleteShown);
  viewer.addEventListener("keydown", onKey);
  viewer.addEventListener("close", onClose);
  viewer.addEventListener("click", (event) => {
    if (event.target.matches(".viewer, .stage, .shown")) viewer.close();
  });
}

/** Show `file`, or nothing if it is null. */
export function show(file) {
  if (file === null) return viewer.close();
  shown = file;
  byId("viewer-name").textContent = file.name;
  byId("viewer-facts").textContent = `${formatSize(file.size)} · ${formatMoment(file.uploaded)}`;
  byId("download").href = `${fileUrl(file.id)}?download`;
  byId("shown").replaceChildren(file.type.startsWith("video/") ? video(file) : picture(file));
  const [previous, next] = neighbours(file);
  setEnabled(byId("previous"), previous);
  setEnabled(byId("next"), next);
  if (!viewer.open) viewer.showModal();
}

function setEnabled(button, target) {
  // A disabled button would lose the focus, and the arrow keys would stop working.
  if (!target && document.activeElement === button) byId("close").focus();
  button.disabled = !target;
}

function picture(file) {
  const image = new Image();
  image.alt = file.name;
  image.addEventListener("error", () => image.replaceWith(sorry("picture")));
  image.src = fileUrl(file.id);
  return image;
}

function video(file) {
  const player = document.createElement("video");
  player.controls = true;
  player.playsInline = true;
  player.preload = "metadata";
  player.setAttribute("aria-label", file.name);
  player.addEventListener("error", () => player.replaceWith(sorry("video")));
  player.src = fileUrl(file.id);
  return player;
}

function sorry(kind) {
  const text = document.createElement("p");
  text.className = "sorry";
  text.textContent = `This browser cannot show the ${kind}. You can download it.`;
  return text;
}

function goTo(file) {
  // Replaced, so that "back" leads to the grid at once.
  if (file) location.replace(`#${file.id}`);
}

function onKey(event) {
  // In a video, the arrow keys seek.
  if (event.target.matches("video") || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "ArrowLeft") goTo(neighbours(shown)[0]);
  if (event.key === "ArrowRight") goTo(neighbours(shown)[1]);
}

function onClose() {
  // Ends the download of a video, too.
  byId("shown").replaceChildren();
  shown = null;
  if (location.hash) history.pushState(null, "", location.pathname + location.search);
}

function askToDelete() {
  byId("confirm-name").textContent = shown.name;
  byId("confirm-error").textContent = "";
  byId("confirm-delete").disabled = false;
  confirm.showModal();
}

async function deleteShown() {
  const file = shown;
  byId("confirm-delete").disabled = true;
  try {
    await deleteFile(file.id);
  } catch (error) {
    byId("confirm-error").textContent = error.message;
    byId("confirm-delete").disabled = false;
    return;
  }
  confirm.close();
  viewer.close();
  onDeleted(file);
}
