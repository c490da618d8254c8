// Draws each chart from the table behind it, on canvas: the table stays for those who
// read without pictures and is folded away for those who see them. Tooltips are rich
// text on the canvas, because HTML ones would need inline style.
(() => {
  "use strict";
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const tones = { critical: "--alm-critical", high: "--alm-ember", medium: "--alm-medium", low: "--alm-low", info: "--alm-info", ok: "--alm-ok" };

  function read(table) {
    const heads = [...table.querySelectorAll("thead th")].slice(1);
    const lines = [...table.querySelectorAll("tbody tr")];
    return {
      x: lines.map((l) => l.querySelector("th").textContent.trim()),
      series: heads.map((h, i) => ({
        name: h.textContent.trim(), tone: h.dataset.tone,
        values: lines.map((l) => Number(l.querySelectorAll("td")[i].dataset.n)),
      })),
    };
  }

  // Bars with names lie down, each with its name beside it; bars of days stand.
  const lying = (kind, data) => kind === "bar" && data.x.some((x) => /[^\d\s.:-]{3}/.test(x)) && data.x.length > 4;

  function option(kind, data, room) {
    const ink = css("--alm-ink"), quiet = css("--alm-quiet"), line = css("--alm-line");
    const spare = [css("--alm-link"), css("--alm-ember"), css("--alm-quiet"), css("--alm-ok")];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const lies = lying(kind, data);
    const names = {
      type: "category", data: data.x, axisTick: { show: false }, axisLine: { lineStyle: { color: line } },
      axisLabel: { color: lies ? ink : quiet, interval: lies ? 0 : "auto", width: room < 420 ? 120 : 168, overflow: "truncate" },
    };
    const amounts = { type: "value", min: 0, minInterval: 1, axisLabel: { color: quiet, show: !lies || data.series.length > 1 }, splitLine: { lineStyle: { color: line } } };
    return {
      animation: !still, textStyle: { color: ink, fontFamily: "system-ui, sans-serif" },
      grid: { left: 8, right: lies ? 40 : 12, top: data.series.length > 1 ? 36 : 12, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, textStyle: { color: ink }, show: data.series.length > 1 },
      tooltip: { trigger: "axis", renderMode: "richText" },
      ...(lies ? { xAxis: amounts, yAxis: { ...names, inverse: true } } : { xAxis: names, yAxis: amounts }),
      series: data.series.map((s, i) => ({
        label: { show: lies && data.series.length === 1, position: "right", color: ink },
        name: s.name, type: kind, data: s.values, stack: kind === "bar" && data.series.length > 1 ? "all" : undefined,
        symbolSize: 7, symbol: ["circle", "rect", "triangle", "diamond"][i % 4],
        lineStyle: { width: 2.5, type: ["solid", "dashed", "dotted"][i % 3] }, barMaxWidth: lies ? 14 : 36,
        itemStyle: { color: tones[s.tone] ? css(tones[s.tone]) : spare[i % spare.length] },
      })),
    };
  }

  const drawn = new Map();
  function draw() {
    document.querySelectorAll("[data-chart]").forEach((box) => {
      const table = document.getElementById(box.dataset.table);
      if (!table || !window.echarts) return;
      box.hidden = false;
      const data = read(table);
      if (lying(box.dataset.chart, data)) box.style.height = 4 + 1.5 * data.x.length + "rem";
      let chart = drawn.get(box);
      if (!chart) {
        chart = window.echarts.init(box, null, { renderer: "canvas" });
        drawn.set(box, chart);
        table.closest("details").open = false;
      }
      chart.resize();
      chart.setOption(option(box.dataset.chart, data, box.clientWidth), true);
    });
  }
  draw();
  window.addEventListener("resize", () => drawn.forEach((c) => c.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("almenara:fresh", draw);
})();
