// Numbers and dates, in the language of the browser.

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

export function formatSize(bytes) {
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  const maximumFractionDigits = bytes < 10 && unit > 0 ? 1 : 0;
  return new Intl.NumberFormat(undefined, {
    style: "unit", unit: UNITS[unit], unitDisplay: "short", maximumFractionDigits,
  }).format(bytes);
}

export function formatDay(iso) {
  return new Date(iso).toLocaleDateString(undefined, { dateStyle: "medium" });
}

export function formatMoment(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
