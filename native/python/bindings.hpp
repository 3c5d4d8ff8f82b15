// The topics that the module is bound in, a file each.
#pragma once
#include <nanobind/nanobind.h>

void bind_machine(nanobind::module_& m);
void bind_pictures(nanobind::module_& m);
void bind_color_tables(nanobind::module_& m);
void bind_planes(nanobind::module_& m);
void bind_sliced_steps(nanobind::module_& m);
void bind_costs(nanobind::module_& m);
void bind_affine_maps(nanobind::module_& m);
void bind_em(nanobind::module_& m);
void bind_gaussian_mixtures(nanobind::module_& m);
void bind_mixing_laws(nanobind::module_& m);
void bind_couplings(nanobind::module_& m);
void bind_semidefinite(nanobind::module_& m);
void bind_cells(nanobind::module_& m);
void bind_grids(nanobind::module_& m);
void bind_gaussian_cells(nanobind::module_& m);
void bind_gaussian_transport(nanobind::module_& m);
void bind_exact_couplings(nanobind::module_& m);
void bind_interrupts(nanobind::module_& m);
void bind_student_em(nanobind::module_& m);
void bind_textures(nanobind::module_& m);
