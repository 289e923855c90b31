// A surface through scattered points, and its lines of one height. Pure functions.

// Weights fall with the square of the distance (Shepard); points are {x, y, z} with x and y from 0 to 1. Returns
// rows of `across` values for `up` rows, the first one at y = 0.
export function interpolated(points, across, up) {
  const rows = [];
  for (let row = 0; row < up; row++) {
    const line = new Float64Array(across);
    for (let column = 0; column < across; column++) {
      const [x, y] = [column / (across - 1), row / (up - 1)];
      let sum = 0;
      let weights = 0;
      for (const point of points) {
        const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
        const weight = 1 / (distance + 1e-5) ** 1.5;
        sum += weight * point.z;
        weights += weight;
      }
      line[column] = sum / weights;
    }
    rows.push(line);
  }
  return rows;
}

// The height at (x, y), from 0 to 1 each, between the four nearest of the rows.
export function heightAt(rows, x, y) {
  const [up, across] = [rows.length - 1, rows[0].length - 1];
  const [row, column] = [Math.min(up - 1, Math.floor(y * up)), Math.min(across - 1, Math.floor(x * across))];
  const [north, east] = [y * up - row, x * across - column];
  const low = rows[row][column] * (1 - east) + rows[row][column + 1] * east;
  const high = rows[row + 1][column] * (1 - east) + rows[row + 1][column + 1] * east;
  return low * (1 - north) + high * north;
}

// The lines of one height as pieces [[x, y], [x, y]], from 0 to 1, by marching squares.
export function isolines(rows, height) {
  const pieces = [];
  const [up, across] = [rows.length - 1, rows[0].length - 1];
  for (let row = 0; row < up; row++) {
    for (let column = 0; column < across; column++) {
      const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
      const heights = corners.map(([x, y]) => rows[y][x]);
      const crossed = [];
      for (let edge = 0; edge < 4; edge++) {
        const [from, to] = [heights[edge], heights[(edge + 1) % 4]];
        if (from < height === to < height) continue;
        const share = (height - from) / (to - from);
        const [[x1, y1], [x2, y2]] = [corners[edge], corners[(edge + 1) % 4]];
        crossed.push([(x1 + share * (x2 - x1)) / across, (y1 + share * (y2 - y1)) / up]);
      }
      for (let at = 0; at + 1 < crossed.length; at += 2) pieces.push([crossed[at], crossed[at + 1]]);
    }
  }
  return pieces;
}
