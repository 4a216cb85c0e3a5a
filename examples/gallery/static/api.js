// The server, as functions. Each fails with an Error whose message is shown on the page.

const LOST = "The connection to the server was lost.";

/** One page of files, the newest first: {files, next, maxBytes}. */
export async function listFiles(before) {
  const query = before ? `?before=${encodeURIComponent(before)}` : "";
  return (await request(`files${query}`)).json();
}

export async function deleteFile(id) {
  await request(fileUrl(id), { method: "DELETE" });
}

export function fileUrl(id) {
  return `files/${encodeURIComponent(id)}`;
}

/** Ids for `count` new files: the first of them will be the first in the list. */
export async function reserveIds(count) {
  const answer = await request(`ids?count=${count}`, { method: "POST" });
  return (await answer.json()).ids;
}

/** Upload a File under an id; `onProgress` gets 0…100. Resolves to the file, or null if aborted. */
export function uploadFile(file, id, { signal, onProgress }) {
  // XMLHttpRequest, because fetch does not say how much is sent.
  const xhr = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    xhr.upload.onprogress = (event) => onProgress((100 * event.loaded) / event.total);
    xhr.onload = () => {
      if (xhr.status === 201) resolve(JSON.parse(xhr.responseText));
      else reject(new Error(errorIn(xhr.responseText, xhr.status)));
    };
    xhr.onerror = () => reject(new Error(LOST));
    xhr.onabort = () => resolve(null);
    signal.addEventListener("abort", () => xhr.abort());
    xhr.open("POST", `files?name=${encodeURIComponent(file.name)}&id=${id}`);
    xhr.setRequestHeader("Content-Type", file.type);
    xhr.send(file);
  });
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error(LOST);
  }
  if (response.ok) return response;
  throw new Error(errorIn(await response.text(), response.status));
}

function errorIn(body, status) {
  try {
    return JSON.parse(body).error;
  } catch {
    return `The server failed (${status}).`;
  }
}
