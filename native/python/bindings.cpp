// The module. Every other file of this folder, the only one that knows Python, binds one topic: each kernel gets its
// arrays as pointers and sizes, and the interpreter lock is released while it runs. Outputs are allocated by the Python
// that calls, but for those whose size only the kernel knows.
#include "python/bindings.hpp"

NB_MODULE(_native, m) {
  m.doc() = "Compiled loops of mixot. Trusted inputs: everything is checked by the Python that calls them.";
  nanobind::set_leak_warnings(false);  // at exit, what the last objects of a session hold is no leak
  bind_interrupts(m);
  bind_machine(m);
  bind_pictures(m);
  bind_color_tables(m);
  bind_planes(m);
  bind_textures(m);
  bind_sliced_steps(m);
  bind_costs(m);
  bind_affine_maps(m);
  bind_em(m);
  bind_student_em(m);
  bind_gaussian_mixtures(m);
  bind_mixing_laws(m);
  bind_couplings(m);
  bind_semidefinite(m);
  bind_cells(m);
  bind_grids(m);
  bind_gaussian_cells(m);
  bind_gaussian_transport(m);
  bind_exact_couplings(m);
}
