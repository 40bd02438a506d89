// The bar at the top: where there is no room for all sections, it says that there are more.

function startSections() {
  const places = document.querySelector(".places");
  const further = document.querySelector(".further");
  const left = () => places.scrollWidth - places.clientWidth - places.scrollLeft;
  const update = () => (further.hidden = left() < 4);
  places.addEventListener("scroll", update, { passive: true });
  further.addEventListener("click", () => places.scrollBy({ left: places.clientWidth * 0.7, behavior: "smooth" }));
  new ResizeObserver(update).observe(places);
  update();
}
