// A page of sections alone: light or dark, its tables, what is folded, and the bar.

startTheme(() => {});
startTables();
startSections();
startFolds();
document.documentElement.dataset.ready = "true";
