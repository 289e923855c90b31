// How a chart of curves is looked at closer: dragging, the wheel, keys. A Vue mixin of SeriesChart.

const WAIT_MS = 120;
const LEAST_DRAG = 6;

export const zooming = {
  beforeUnmount() {
    clearTimeout(this._zooming);
  },
  methods: {
    // The old curves stay, stretched, until the finer ones are here.
    zoomTo(range) {
      if (range && this.x === "step" && range[1] - range[0] < 2) range = [Math.floor(range[0]), Math.floor(range[0]) + 2];
      if (!range && !this.range) return;
      this.range = range;
      this.draw();
      this._stop?.abort();
      clearTimeout(this._zooming);
      this._zooming = setTimeout(() => this.load(), WAIT_MS);
    },
    // Make what is shown `factor` times as wide around a pixel; a whole that has all is no zoom.
    zoomAround(pixel, factor) {
      if (!this._plan) return;
      const { toX, low, high, box } = this._plan;
      const share = (pixel - box.left) / box.width;
      const middle = low + share * (high - low);
      const width = (high - low) * factor;
      this.zoomInto(middle - share * width, middle + (1 - share) * width);
    },
    zoomInto(low, high) {
      const back = this.logX ? (value) => 10 ** value : (value) => value;
      const whole = this._whole ?? this._plan.whole;
      const [from, to] = [Math.max(back(low), whole[0]), Math.min(back(high), whole[1])];
      this.zoomTo(from <= whole[0] && to >= whole[1] ? null : to > from ? [from, to] : this.range);
    },
    wheeled(event) {
      // A plain wheel is for the page; pinching is a wheel with Ctrl.
      if (!(event.ctrlKey || event.metaKey || event.shiftKey)) return;
      event.preventDefault();
      const turned = event.deltaY || event.deltaX;
      this.zoomAround(this.at(event)[0], Math.exp(Math.max(-1, Math.min(1, turned / 240))));
    },
    pressed(event) {
      if (event.target !== this.$el || !this._plan) return;
      const { low, high, box } = this._plan;
      const width = high - low;
      const middle = box.left + box.width / 2;
      if (event.key === "+" || event.key === "=") this.zoomAround(middle, 0.5);
      else if (event.key === "-") this.zoomAround(middle, 2);
      else if (event.key === "0") this.zoomTo(null);
      else if (event.key === "ArrowLeft" && this.range) this.zoomInto(low - width / 4, high - width / 4);
      else if (event.key === "ArrowRight" && this.range) this.zoomInto(low + width / 4, high + width / 4);
      else return;
      event.preventDefault();
    },
    at(event) {
      const { left, top } = this.$refs.area.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top];
    },
    down(event) {
      if (event.button !== 0 || !this._plan) return;
      this._drag = [this.at(event)[0], this.at(event)[0]];
      this.$refs.area.setPointerCapture(event.pointerId);
    },
    moved(event) {
      this._pointer = this.at(event);
      if (this._drag) this._drag[1] = this._pointer[0];
      this._frame ??= requestAnimationFrame(() => {
        this._frame = null;
        this.point();
      });
    },
    up() {
      const drag = this._drag;
      this._drag = null;
      if (drag && this._plan && Math.abs(drag[1] - drag[0]) > LEAST_DRAG) {
        const { box, valueX } = this._plan;
        const inside = (pixel) => Math.min(box.left + box.width, Math.max(box.left, pixel));
        this.zoomTo([Math.min(...drag), Math.max(...drag)].map((pixel) => valueX(inside(pixel))));
      }
      this.point();
    },
    cancelled() {
      this._drag = null;
      this.left();
    },
  },
};
