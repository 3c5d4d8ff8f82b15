#include "cells/cell_geometry.hpp"

#include "cells/power_diagram.hpp"
#include "cells/solid_diagram.hpp"

namespace mixot {

PlaneCells plane_cells(const WeightedPoints& cloud, const Box<2>& box, std::size_t threads) {
  const OrderedPoints<2> sorted(cloud);
  PowerDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  PlaneCells out;
  out.first.assign(1, 0);
  for (std::size_t place : sorted.places()) {
    const PolygonView cell = diagram[place];
    for (int k = 0; k < cell.size; ++k) {
      out.corners.push_back(cell.x[k]), out.corners.push_back(cell.y[k]);
      out.neighbor.push_back(cell.id[k] < 0 ? cell.id[k] : sorted.order[cell.id[k]]);
    }
    out.first.push_back(std::int64_t(out.neighbor.size()));
  }
  return out;
}

void solid_volumes(const WeightedPoints& cloud, const Box<3>& box, std::size_t threads, double* out) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  for (std::size_t i = 0; i < cloud.n; ++i) out[sorted.order[i]] = diagram[i].volume();
}

SolidCorners solid_corners(const WeightedPoints& cloud, const Box<3>& box, std::size_t threads) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  SolidCorners out;
  for (std::size_t i = 0; i < cloud.n; ++i) {
    const SolidView cell = diagram[i];
    for (int q = 0; q < cell.corners; ++q) {
      out.corners.insert(out.corners.end(), cell.corner[q].x, cell.corner[q].x + 3);
      out.owner.push_back(sorted.order[i]);
    }
  }
  return out;
}

}  // namespace mixot
