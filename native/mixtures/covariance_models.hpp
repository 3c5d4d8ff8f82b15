// Covariances of a Gaussian mixture whose volumes, shapes and orientations are shared or not: fourteen M steps.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace mixot {

// cov[j] = volume[j] D[j] A[j] D[j]', A diagonal of determinant one, D orthogonal (Banfield and Raftery, Biometrics 49,
// 1993). What two letters out of three say of volume and shape, equal or variable; what the third says of D.
enum class Turns { none, equal, variable };
struct CovarianceModel {
  bool own_volumes = true, own_shapes = true;
  Turns turns = Turns::variable;
  bool spherical = false;       // A is the identity
  bool unconstrained = true;  // what the sums of a pass give needs no further step: VVV, VVI, VII and EEE
};

// The model of a name of three letters, "EII" to "VVV"; any other name is that of an unconstrained one.
CovarianceModel covariance_model(const std::string& name);

// The M step of a model for runs of one mixture, k components in dimension d: it begins where the last one ended.
//
// It minimises sum_j masses[j] (log det cov[j] + tr(cov[j]^-1 S[j])) over the covariances of the model, for the weighted
// covariances S of an E step: closed forms and fixed points of Celeux and Govaert, Pattern Recognition 28, 1995; for
// axes that are common and shapes that are not, `common_axes`. The fixed points end at eleven digits. Rotations, which
// may need hundreds of sweeps where rows are few for their dimension, are made `exactly` or a few at a time: a step that
// goes on from the axes of the last one raises the likelihood either way (generalised EM), and where EM stands still,
// so do the axes.
class CovarianceStep {
 public:
  // `scale` (d) are the units of the coordinates: shapes and angles are those of the data times these.
  CovarianceStep(const CovarianceModel& model, std::size_t k, std::size_t d, const double* scale, bool exactly);

  // What the covariances of a mixture of the model say of its axes: where the next step starts.
  void begin(const double* masses, const double* covs);

  // masses (k); covs (k, d, d), or (k, d) without orientation: S, which becomes what is fitted. Where that is singular,
  // some covariance becomes zero.
  void operator()(const double* masses, double* covs);

  // The axes that the next step goes on from, if any, and how to go on from others instead.
  std::vector<double> axes() const { return begun_ && common() ? axes_ : std::vector<double>(); }
  void go_on_from(const std::vector<double>& axes) {
    if (!axes.empty()) axes_ = axes, begun_ = true;
  }
  // Makes the next step, alone, as if it were the first and the last: it may find other axes, which are local minima.
  void look_elsewhere() { begun_ = false, elsewhere_ = true; }

 private:
  bool common() const { return model_.turns == Turns::equal && model_.own_shapes; }
  void orient(const double* masses, double* covs);
  bool one_matrix(double* covs);
  bool one_volume(double* covs);
  bool shape();
  bool common_shape();

  CovarianceModel model_;
  std::size_t k_, d_;
  bool diagonal_, exactly_, begun_ = false, elsewhere_ = false;
  std::vector<double> scale_, masses_, axes_, variances_, volumes_, work_;
};

}  // namespace mixot
