// The page: the grid of files, and the ways to upload and to open the viewer.

import { listFiles } from "./api.js";
import { makeCard } from "./cards.js";
import { startUploads } from "./uploads.js";
import { setUpViewer, show } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const grid = byId("grid");
const files = []; // as in the grid: the newest first
let next = null;
let maxBytes = Infinity;

// The grid -----------------------------------------------------------------------------------

async function loadMore() {
  byId("trouble").hidden = true;
  byId("more").disabled = true;
  try {
    const page = await listFiles(next);
    ({ next, maxBytes } = page);
    // Files that were uploaded on this page are there already.
    for (const file of page.files) if (!find(file.id)) add(file);
  } catch (error) {
    byId("trouble-text").textContent = error.message;
    byId("trouble").hidden = false;
    return false;
  } finally {
    byId("more").disabled = false;
    update();
  }
  return true;
}

function find(id) {
  return files.find((file) => file.id === id) ?? null;
}

// The server lists files by their ids, the largest first; the page has them in the same order.
function add(file) {
  const place = files.findIndex(({ id }) => id < file.id);
  const index = place < 0 ? files.length : place;
  files.splice(index, 0, file);
  grid.insertBefore(makeCard(file), grid.children[index] ?? null);
}

function update() {
  byId("empty").hidden = files.length > 0 || !byId("trouble").hidden;
  byId("more").hidden = next === null;
  const unit = files.length === 1 ? "file" : "files";
  byId("count").textContent = files.length ? `${files.length}${next ? "+" : ""} ${unit}` : "";
}

function announce(text) {
  byId("status").textContent = text;
}

// Uploads ------------------------------------------------------------------------------------

function upload(chosen) {
  startUploads(chosen, {
    maxBytes,
    onStored(file) {
      add(file);
      update();
      announce(`${file.name} is stored.`);
    },
  });
}

byId("choose").addEventListener("click", () => byId("picker").click());
byId("picker").addEventListener("change", () => {
  upload([...byId("picker").files]);
  byId("picker").value = ""; // so that the same file can be chosen again
});

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", (event) => {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!bringsFiles(event)) return;
  event.preventDefault();
  upload([...event.dataTransfer.files]);
});

// The viewer ---------------------------------------------------------------------------------

setUpViewer({
  neighbours(file) {
    const index = files.findIndex(({ id }) => id === file.id);
    return [files[index - 1] ?? null, files[index + 1] ?? null];
  },
  onDeleted(file) {
    const index = files.findIndex(({ id }) => id === file.id);
    files.splice(index, 1);
    grid.children[index].remove();
    update();
    announce(`${file.name} is deleted.`);
    const neighbour = grid.children[Math.min(index, files.length - 1)];
    (neighbour?.querySelector("a") ?? byId("choose")).focus();
  },
});

async function followFragment() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id) while (!find(id) && next && (await loadMore()));
  show(find(id));
}

addEventListener("hashchange", followFragment);
addEventListener("popstate", followFragment);
byId("more").addEventListener("click", loadMore);
byId("retry").addEventListener("click", loadMore);

await loadMore();
await followFragment();
