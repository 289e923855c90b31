import { copyText } from "clipboard";

const SHOWN_FIRST = 200;

// Names with values: searched, copied, and changed where `changeable` says so. All of it is text.
export default {
  template: `
    <div class="ts-values">
      <div v-if="rows.length > 7 || inner" class="ts-values-bar">
        <input v-if="rows.length > 7" v-model="search" class="ts-input" type="search" :aria-label="'Search ' + name"
          :placeholder="'Search ' + name">
        <label v-if="inner" class="ts-small ts-quiet ts-check">
          <input v-model="withInner" type="checkbox"> {{ inner }} {{ innerWords }}
        </label>
      </div>
      <p v-if="!rows.length" class="ts-quiet ts-values-none">{{ none }}</p>
      <p v-else-if="!found.length" class="ts-quiet ts-values-none">{{ search ? "Nothing matches." : none }}</p>
      <div v-else class="ts-scroll">
        <table class="ts-table ts-values-table" :aria-label="name">
          <thead v-if="columns.length > 1">
            <tr>
              <th scope="col">Name</th>
              <th v-for="column in columns" scope="col" class="ts-number">{{ column }}</th>
              <th class="ts-values-acts"></th>
            </tr>
          </thead>
          <tbody>
            <tr v-for="row in found.slice(0, most)" :key="row.key">
              <th scope="row" class="ts-values-key">
                <a v-if="row.href" class="ts-link" :href="row.href">{{ row.key }}</a>
                <template v-else>{{ row.key }}</template>
              </th>
              <td v-for="(cell, index) in row.cells" :key="index"
                :class="columns.length > 1 ? 'ts-number' : 'ts-values-value'">{{ cell }}</td>
              <td class="ts-values-acts">
                <template v-if="changeable && !row.fixed">
                  <button type="button" class="ts-icon-button" :aria-label="'Change ' + row.key" :title="'Change ' + row.key"
                    @click="$emit('change', { key: row.key })"><q-icon name="edit" aria-hidden="true" /></button>
                  <button type="button" class="ts-icon-button" :aria-label="'Remove ' + row.key" :title="'Remove ' + row.key"
                    @click="$emit('remove', { key: row.key })"><q-icon name="delete_outline" aria-hidden="true" /></button>
                </template>
                <button type="button" class="ts-icon-button" :aria-label="'Copy ' + row.key" :title="'Copy ' + row.key"
                  @click="copy(row)"><q-icon :name="copied === row.key ? 'check' : 'content_copy'" aria-hidden="true" /></button>
              </td>
            </tr>
          </tbody>
        </table>
      </div>
      <button v-if="found.length > most" type="button" class="ts-button ts-values-more" @click="most = Infinity">
        Show all {{ found.length.toLocaleString("en-US") }}
      </button>
    </div>`,
  props: { name: String, innerWords: String, none: String, rows: Array, columns: Array, changeable: Boolean },
  emits: ["change", "remove"],
  data: () => ({ search: "", withInner: false, most: SHOWN_FIRST, copied: null }),
  computed: {
    inner() {
      return this.rows.filter((row) => row.inner).length;
    },
    found() {
      const wanted = this.search.trim().toLowerCase();
      return this.rows.filter((row) => {
        if (!wanted) return this.withInner || !row.inner;
        return [row.key, ...row.cells].some((text) => text.toLowerCase().includes(wanted));
      });
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    async copy(row) {
      if (!(await copyText(row.copy ?? row.cells[0]))) return;
      this.copied = row.key;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => (this.copied = null), 1500);
    },
  },
};
