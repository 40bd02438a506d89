// A page of sections alone: light or dark, and its tables.

startTheme(() => {});
startTables();
document.documentElement.dataset.ready = "true";
