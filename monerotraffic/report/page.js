"use strict";
// Sorts and filters the findings. The page is whole without it.
(() => {
  const list = document.getElementById("groups");
  const tools = document.getElementById("tools");
  if (!list || !tools) return;
  const groups = [...list.querySelectorAll(".group")];
  const text = document.getElementById("filter");
  const verdict = document.getElementById("verdict");
  const sort = document.getElementById("sort");
  const shown = document.getElementById("shown");
  const orders = {
    certain: (a, b) => a.dataset.place - b.dataset.place,
    peers: (a, b) => b.dataset.peers - a.dataset.peers || a.dataset.place - b.dataset.place,
    address: (a, b) => a.dataset.address.localeCompare(b.dataset.address, "en", { numeric: true }),
  };
  const update = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const group of groups) {
      let any = false;
      for (const peer of group.querySelectorAll(".peer")) {
        const all = (group.firstElementChild.textContent + " " + peer.textContent).toLowerCase();
        const match =
          words.every((word) => all.includes(word)) &&
          (!verdict.value || peer.dataset.verdict === verdict.value);
        peer.hidden = !match;
        any = any || match;
        count += match;
      }
      group.hidden = !any;
    }
    list.append(...groups.sort(orders[sort.value]));
    shown.textContent = count + (count === 1 ? " peer" : " peers");
  };
  tools.hidden = false;
  for (const input of [text, verdict, sort]) input.addEventListener("input", update);
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details")) one.open = true;
  });
  update();
})();
