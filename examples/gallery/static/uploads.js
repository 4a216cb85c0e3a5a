// The list of uploads: a few at a time, each with a progress bar and a way to stop it.

import { reserveIds, uploadFile } from "./api.js";
import { formatSize } from "./format.js";

const AT_ONCE = 3;
const list = document.getElementById("uploads");
const template = document.getElementById("upload");
const waiting = [];
let running = 0;

/** Upload `files`, which keep their order; `onStored` is called with each that is stored. */
export async function startUploads(files, { maxBytes, onStored }) {
  const taken = [];
  for (const file of files) {
    const row = new Row(file);
    const refusal = reasonAgainst(file, maxBytes);
    if (refusal) row.fail(refusal);
    else taken.push({ file, row, onStored });
  }
  if (taken.length === 0) return;
  try {
    const ids = await reserveIds(taken.length);
    for (const [index, upload] of taken.entries()) waiting.push({ ...upload, id: ids[index] });
  } catch (error) {
    for (const { row } of taken) row.fail(error.message);
  }
  startNext();
}

// The server refuses these as well. Saying so here saves sending the file.
function reasonAgainst(file, maxBytes) {
  if (!/^(image|video)\//.test(file.type)) return "Only pictures and videos can be stored here.";
  if (file.size > maxBytes) return `This file is too large: ${formatSize(maxBytes)} at most.`;
  if (file.size === 0) return "This file is empty.";
  return null;
}

async function startNext() {
  if (running >= AT_ONCE || waiting.length === 0) return;
  const { file, id, row, onStored } = waiting.shift();
  running += 1;
  startNext();
  try {
    const stored = row.signal.aborted ? null : await uploadFile(file, id, row);
    row.remove();
    if (stored) onStored(stored);
  } catch (error) {
    row.fail(error.message);
  } finally {
    running -= 1;
    startNext();
  }
}

class Row {
  constructor(file) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.progress = this.element.querySelector("progress");
    this.state = this.element.querySelector(".state");
    this.button = this.element.querySelector("button");
    this.name = file.name;
    const aborting = new AbortController();
    this.signal = aborting.signal;
    this.button.addEventListener("click", () => {
      aborting.abort();
      this.remove();
    });
    // textContent sets the name as text, even if it looks like HTML.
    this.element.querySelector(".name").textContent = file.name;
    this.progress.setAttribute("aria-label", `Upload of ${file.name}`);
    this.button.setAttribute("aria-label", `Cancel the upload of ${file.name}`);
    this.state.textContent = "Waiting";
    list.append(this.element);
  }

  onProgress = (percent) => {
    this.progress.value = percent;
    // Everything is sent. Now the server must say that the file is stored.
    this.state.textContent = percent < 100 ? `${Math.floor(percent)} %` : "Storing";
  };

  fail(message) {
    this.element.classList.add("failed");
    this.progress.remove();
    this.state.setAttribute("role", "alert");
    this.state.textContent = message;
    this.button.setAttribute("aria-label", `Dismiss the error about ${this.name}`);
  }

  remove() {
    this.element.remove();
  }
}
