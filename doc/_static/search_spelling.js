// If no page has a word, the search finds the most similar word: "agregate" finds aggregate. Sphinx's
// own search, in searchtools.js, does the rest.
"use strict";

(() => {
  if (typeof Search === "undefined") return; // only the page with the results has it

  // How many letters must be added, removed, changed, or swapped with their neighbour.
  const distance = (a, b) => {
    let [older, previous] = [[], [...Array(b.length + 1).keys()]];
    for (let i = 1; i <= a.length; i++) {
      const row = [i];
      for (let j = 1; j <= b.length; j++) {
        const change = a[i - 1] === b[j - 1] ? 0 : 1;
        row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + change);
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
          row[j] = Math.min(row[j], older[j - 2] + 1);
      }
      [older, previous] = [previous, row];
    }
    return previous[b.length];
  };

  const nearest = (word, candidates) => {
    const most = word.length < 6 ? 1 : 2;
    let [best, least] = [null, most + 1];
    for (const candidate of candidates) {
      if (Math.abs(candidate.length - word.length) > most) continue;
      const found = distance(word, candidate);
      if (found < least) [best, least] = [candidate, found];
    }
    return best;
  };

  // All words that can be found: stems of the text, and whole words of titles and names.
  const vocabulary = () => {
    const index = Search._index;
    const names = Object.entries(index.objects).flatMap(([prefix, entries]) => [
      ...prefix.split("."),
      ...entries.flatMap((entry) => entry[4].split(".")),
    ]);
    const titles = Object.keys(index.alltitles).flatMap((title) => splitQuery(title));
    const whole = [...names, ...titles].map((word) => word.toLowerCase());
    return { whole: new Set(whole), stems: Object.keys(index.terms) };
  };

  const corrected = (query) => {
    const { whole, stems } = vocabulary();
    const stemmer = new Stemmer();
    const known = [...whole, ...stems];
    const words = splitQuery(query.toLowerCase()).map((word) => {
      const stem = stemmer.stemWord(word);
      if (word.length < 4 || stopwords.has(word)) return word;
      if (known.some((each) => each.includes(word) || each.includes(stem))) return word;
      return nearest(word, whole) ?? nearest(stem, stems) ?? word;
    });
    return words.join(" ");
  };

  const search = Search.query;
  Search.query = (query) => {
    const meant = corrected(query);
    const isOther = meant !== splitQuery(query.toLowerCase()).join(" ");
    if (isOther) {
      const note = document.createElement("p");
      note.id = "search-spelling";
      note.textContent = `No page has “${query}”. These have “${meant}”:`;
      Search.output.before(note);
    }
    search(isOther ? meant : query);
  };
})();
