// Rows of a form that can be added and removed; a row shows limit and sensor only when it is a temperature,
// and the point of a tag only when it is none.
"use strict";
(() => {
  for (const list of document.querySelectorAll("[data-rows]")) {
    const blank = list.querySelector("template");
    const add = list.querySelector("[data-add]");
    const rows = () => list.querySelectorAll(":scope > [data-row]");

    const fit = (row) => {
      const is = row.querySelector("select").value === "temperature";
      const show = (name, shown) => {
        for (const label of row.querySelectorAll(`[data-${name}]`)) {
          label.hidden = !shown;
          if (!shown) label.querySelector("input").value = "";
        }
      };
      show("temperature", is);
      show("seen", !is);
    };
    const count = () => { add.disabled = rows().length >= Number(list.dataset.most); };

    add.addEventListener("click", () => {
      blank.before(blank.content.cloneNode(true));
      const row = blank.previousElementSibling;
      fit(row);
      count();
      row.querySelector("input:not([type=hidden])").focus();
    });
    list.addEventListener("click", (click) => {
      const button = click.target.closest("[data-remove]");
      if (!button) return;
      button.closest("[data-row]").remove();
      count();
      add.focus();
    });
    list.addEventListener("change", (change) => {
      const row = change.target.closest("[data-row]");
      if (row && change.target.matches("select")) fit(row);
    });
    // What was refused stays visible, so that it can be corrected.
    for (const row of rows()) if (!row.querySelector(".error")) fit(row);
    count();
  }
})();
