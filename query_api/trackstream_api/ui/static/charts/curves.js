// Curves as columns of numbers, and what is made of them. Pure functions.

const numberOf = (value) => (value === null || value === undefined ? NaN : Number(value));

// The buckets of /metrics/series as columns. `x` is the middle of a bucket; what is not a number is NaN.
export function columns(buckets, log = false) {
  const count = buckets.length;
  const made = { x: new Float64Array(count), mean: new Float64Array(count), min: new Float64Array(count), max: new Float64Array(count), count: new Float64Array(count), last: NaN, points: 0, first: NaN, end: NaN };
  buckets.forEach((bucket, at) => {
    const { x_first: first, x_last: last } = bucket;
    made.x[at] = first === last ? first : log && first > 0 ? Math.sqrt(first * last) : (first + last) / 2;
    made.mean[at] = numberOf(bucket.mean);
    made.min[at] = numberOf(bucket.min);
    made.max[at] = numberOf(bucket.max);
    made.count[at] = bucket.count;
    made.points += bucket.count;
  });
  if (count) {
    made.first = buckets[0].x_first;
    made.end = buckets[count - 1].x_last;
    made.last = numberOf(buckets[count - 1].last);
  }
  return made;
}

// Exponential moving average as TensorBoard has it, what it lacks at its beginning made up for. Gaps stay gaps.
export function smoothed(values, weight) {
  if (!(weight > 0)) return values;
  const found = new Float64Array(values.length);
  let average = 0;
  let seen = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (!Number.isFinite(value)) {
      found[at] = NaN;
      continue;
    }
    average = average * weight + (1 - weight) * value;
    seen += 1;
    found[at] = average / (1 - weight ** seen);
  }
  return found;
}

// The index of the value nearest to `wanted` in ascending `sorted`; -1 where there is none.
export function nearest(sorted, wanted) {
  let low = 0;
  let high = sorted.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= wanted) low = middle;
    else high = middle;
  }
  return Math.abs(sorted[high] - wanted) < Math.abs(sorted[low] - wanted) ? high : low;
}

// Points without a neighbour: a line would not show them.
export function lonely(values) {
  const found = [];
  for (let at = 0; at < values.length; at++) {
    if (Number.isFinite(values[at]) && !Number.isFinite(values[at - 1]) && !Number.isFinite(values[at + 1])) found.push(at);
  }
  return found;
}

// [least, greatest] of what is finite (and above 0 for a log axis) where `inside(index)`; null where nothing is.
export function extent(arrays, positive = false, inside = () => true) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of arrays) {
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (!Number.isFinite(value) || (positive && value <= 0) || !inside(at)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

// A little room above and below, and some where all is one value.
export function padded([low, high], log) {
  if (log) {
    const factor = high > low ? (high / low) ** 0.05 : 1.5;
    return [low / factor, high * factor];
  }
  const room = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}
