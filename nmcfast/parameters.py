"""The numbers the paper prints, Table 1 among them, with unit and place (Fuchs et al., 2025), and how print is read.

What the paper leaves open is not here: a free choice stands beside the code that makes it.
"""

# Lengths
VOXEL_UM = 0.128  # µm, nano-CT voxel, the unit of the shell model (section 2.3)
PIXEL_UM = 0.05  # µm, EBSD pixel, the unit of the grain model (section 4.4)

# Outer shell, sections 2.1 and 2.3
SMOOTHING = 1.8  # voxels, standard deviation of the Gaussian before Otsu's threshold
MIN_VOLUME = 10.0  # voxels, smaller components are merged or dropped
MIN_SPHERICITY = 0.5  # dimensionless, rougher components are merged or dropped
ORDER = 9  # L, 100 coefficients

# Table 1: Z_lm = τ · t(ν) for l = 1 … 9.
# Deviation: print calls f_t(x | ν) the density of τZ; then Z = t / τ and roughness would grow with l.
NU = (2.22, 4.64, 2.84, 2.43, 2.28, 2.26, 2.20, 2.17, 2.22)  # degrees of freedom, dimensionless
TAU = (3.51, 2.79, 0.98, 0.56, 0.37, 0.28, 0.21, 0.17, 0.15)  # voxels

# Z_00 of Eq. (5). Deviation: the printed "μ = 0.4, σ = −29.83" has σ < 0, which no density allows. It is read
# as shape and location of a three-parameter log-normal whose scale was lost; 100 is estimated (docs: model
# card).
SIZE_SHAPE = 0.4  # dimensionless, printed as μ
SIZE_LOCATION = -29.83  # voxels, printed as σ
SIZE_SCALE = 100.0  # voxels, estimated, not in the paper

# Grain architecture, sections 2.4 and 2.5
MU = 0.0018  # seeds per pixel³ of space, start of Eq. (13)
WINDOW = 128.0  # pixels, seeds are drawn in [−128, 128]³
KAPPA = 12  # nearest seeds that G_net sees
NOISES = 2  # uniform noises a seed
OFFSET_RANGE = (1.0, 10.0)  # r, dimensionless, as printed
METRIC_RANGE = (0.0, 50.0)  # diagonal of D, pixel⁻², as printed

# Training, section 2.5, Algorithm 2 and Eqs. (14)–(16)
CUTOUT = 32  # pixels, edge of a cutout
CHANNELS = 12  # most prominent grains kept of a cutout
CUTOUT_DISTANCE = 80.0  # pixels, p is uniform in (0, 80]
LEARNING_RATE = 1e-4  # Adam
BATCH_GENERATOR = 64  # cutouts a step
BATCH_DISCRIMINATOR = 128  # cutouts a step
EPOCHS = 200
STEPS = 100  # steps an epoch
SKIP_LOSS = 0.3**2  # the discriminator rests at or below this loss
AUGMENTATION = 0.2  # largest relative change of fitted D and r

GRAINS_VERDICT = "grains_verdict"  # under which a model's provenance keeps what `calibration.grains.verdict` says
