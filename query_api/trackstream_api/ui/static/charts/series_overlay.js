// What moves with the pointer, on a canvas above the curves: nothing below is drawn again for it.

import { nearest } from "./curves.js";

const REACH = 40;

// The curves at x, the nearest to the pointer first: [{curve, at, value, y}].
export function readings(plan, curves, pixelX, pixelY) {
  const value = plan.valueX(pixelX);
  const found = [];
  for (const curve of curves) {
    const at = nearest(curve.x, value);
    if (at < 0) continue;
    const shown = curve.drawn[at];
    // Well before a curve begins and behind its end it has no value.
    if (pixelX < plan.pixelX(curve.x[0]) - REACH || pixelX > plan.pixelX(curve.x.at(-1)) + REACH) continue;
    found.push({ curve, at, value: shown, y: plan.pixelY(shown) });
  }
  const distance = ({ y }) => (Number.isFinite(y) ? Math.abs(y - pixelY) : Infinity);
  return found.sort((one, other) => distance(one) - distance(other));
}

export function drawOverlay(canvas, { plan, found, band, outlines, ink, drag }) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!plan) return;
  const { box } = plan;
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  if (drag) {
    pen.fillStyle = ink.main;
    pen.globalAlpha = 0.16;
    pen.fillRect(Math.min(...drag), box.top, Math.abs(drag[1] - drag[0]), box.height);
    pen.globalAlpha = 1;
  }
  if (found.length) {
    const { curve, at } = found[0];
    const across = plan.pixelX(curve.x[at]);
    line(pen, [[across, box.top], [across, box.top + box.height]], ink.faint, 1, [3, 3]);
    if (band) {
      pen.fillStyle = curve.colour;
      pen.globalAlpha = 0.16;
      for (const points of outlines(plan, curve)) {
        path(pen, points);
        pen.fill();
      }
      pen.globalAlpha = 1;
    }
    if (found.length > 1) stroke(pen, plan, curve);
    for (const one of found.slice(0, 12)) dot(pen, plan.pixelX(one.curve.x[one.at]), one.y, one.curve.colour, ink.surface);
  }
  pen.restore();
}

function stroke(pen, plan, { x, drawn, colour }) {
  pen.beginPath();
  let joined = false;
  for (let at = 0; at < x.length; at++) {
    const y = plan.pixelY(drawn[at]);
    if (!Number.isFinite(y)) joined = false;
    else if (joined) pen.lineTo(plan.pixelX(x[at]), y);
    else {
      pen.moveTo(plan.pixelX(x[at]), y);
      joined = true;
    }
  }
  pen.strokeStyle = colour;
  pen.lineWidth = 2.6;
  pen.lineJoin = "round";
  pen.setLineDash([]);
  pen.stroke();
}

function dot(pen, x, y, colour, ring) {
  if (!Number.isFinite(y)) return;
  pen.beginPath();
  pen.arc(x, y, 3.2, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
  pen.strokeStyle = ring;
  pen.lineWidth = 1.2;
  pen.setLineDash([]);
  pen.stroke();
}

function path(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
}

function line(pen, points, colour, width, dashes) {
  pen.beginPath();
  points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dashes);
  pen.stroke();
}
