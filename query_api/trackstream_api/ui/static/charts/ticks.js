// Where axes have their marks, and what stands there. Pure functions; times are milliseconds, shown in UTC.

const STEPS_OF_TIME = [
  1, 2, 5, 10, 20, 50, 100, 200, 500,
  1e3, 2e3, 5e3, 10e3, 15e3, 30e3,
  60e3, 120e3, 300e3, 600e3, 900e3, 1800e3,
  3600e3, 7200e3, 10800e3, 21600e3, 43200e3,
  864e5, 1728e5, 6048e5, 2592e6, 7776e6, 31536e6,
];

// The distance of about `count` marks over a span: 1, 2 or 5 times a power of ten.
export function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const unit = raw / power;
  return (unit >= 7.1 ? 10 : unit >= 3.2 ? 5 : unit >= 1.5 ? 2 : 1) * power;
}

function multiples(low, high, step) {
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(Number((at * step).toPrecision(12)));
  return found;
}

export function linearTicks(low, high, count, whole = false) {
  if (!(high > low)) return [low];
  const step = niceStep(high - low, count);
  return multiples(low, high, whole ? Math.max(1, step) : step);
}

// Marks of an axis that shows powers; both ends are above 0.
export function logTicks(low, high, count) {
  if (!(high > low)) return [low];
  const decades = Math.log10(high / low);
  if (decades < 1.2) return linearTicks(low, high, count);
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const between = decades * 3 <= count * 1.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / count));
  const found = [];
  for (let power = first; power <= last; power += every) {
    for (const unit of between) {
      const at = Number((unit * 10 ** power).toPrecision(12));
      if (at >= low * (1 - 1e-9) && at <= high * (1 + 1e-9)) found.push(at);
    }
  }
  return found;
}

export function timeTicks(low, high, count) {
  if (!(high > low)) return [low];
  const raw = (high - low) / Math.max(1, count);
  const step = STEPS_OF_TIME.find((one) => one >= raw) ?? niceStep(high - low, count);
  return multiples(low, high, step);
}

// A number in as few characters as an axis has room for.
export function shortNumber(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return Number(value.toPrecision(3)).toExponential().replace("e+", "e");
  for (const [unit, sign] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= unit) return `${Number((value / (sign === "k" ? 1e3 : unit)).toPrecision(4))}${sign}`;
  }
  return String(Number(value.toPrecision(5)));
}

const two = (number) => String(number).padStart(2, "0");

// How long since a start: 0:07, 1:02:03, 2d 03:00; below ten seconds with tenths where there are any.
export function clock(ms) {
  const sign = ms < 0 ? "−" : "";
  const all = Math.abs(ms);
  if (all < 1e4 && all % 1e3) return `${sign}${Number((all / 1e3).toFixed(3))} s`;
  const seconds = Math.round(all / 1e3);
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${sign}${days}d ${two(hours)}:${two(minutes)}`;
  return sign + (hours ? `${hours}:${two(minutes)}` : String(minutes)) + `:${two(seconds % 60)}`;
}

// A mark of an axis of times, as exact as the distance of the marks asks for.
export function timeOfDay(ms, span) {
  const iso = new Date(ms).toISOString();
  if (span > 3 * 864e5) return iso.slice(5, 10);
  if (span > 864e5) return `${iso.slice(8, 10)}. ${iso.slice(11, 16)}`;
  if (span > 600e3) return iso.slice(11, 16);
  return span > 10e3 ? iso.slice(11, 19) : iso.slice(14, 23);
}
