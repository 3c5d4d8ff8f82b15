// Ctrl-C in all kernels.
#include <exception>

#include "machine/interrupt.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

unsigned long main_thread = 0;

// Python hands signals to its main thread alone; any other need not wait for the interpreter lock to learn that.
bool signal_arrived() {
  if (PyThread_get_thread_ident() != main_thread) return false;
  const PyGILState_STATE state = PyGILState_Ensure();
  const bool raised = PyErr_CheckSignals() != 0;  // the handler's exception stays set for the translator below
  PyGILState_Release(state);
  return raised;
}

}  // namespace

void bind_interrupts(nb::module_&) {
  main_thread = nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
  mixot::interrupt_asked = &signal_arrived;
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const mixot::Interrupted&) {
      if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
  });
}
