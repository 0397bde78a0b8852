// Preprocess: what becomes of a photo before it goes into a model, stated in one line of text.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "run/compiled_model.h"
#include "run/image.h"

namespace atl {

/// The text that --help shows for --preprocess.
inline constexpr std::string_view kPreprocessHelp =
    "Steps as 'key=value' words, for example 'size=320x240 mean=127 std=128' or\n"
    "'resize=256 crop=224 mean=0.485,0.456,0.406 std=0.229,0.224,0.225'.\n"
    "  resize=N         the shorter side to N pixels, the other in proportion\n"
    "  size=WxH         both sides; without size, resize and crop the model's own size is taken\n"
    "  crop=N|WxH       then the middle part of this size\n"
    "  mean=, std=      one number, or one for each channel: x = (pixel * scale - mean) / std\n"
    "  scale=F|1/F      default 1; where mean or std are given and all |mean| <= 1 and all std <= 1, it is\n"
    "                   1/255, as with torchvision's ToTensor\n"
    "  layout=nchw|nhwc default: where the model's input has 1 or 3 channels\n"
    "  gray, bgr        one channel (0.299 R + 0.587 G + 0.114 B); channels from blue to red\n"
    "Photos are resized bilinearly with antialiasing, exactly as Pillow and torchvision do it.\n"
    "An integer input takes the value in its own quantization; without mean, std and scale it takes the\n"
    "pixel itself (int8: pixel - 128).";

struct PreprocessSpec {
  std::optional<int> resize;
  std::optional<std::pair<int, int>> size, crop;  ///< width, height
  std::vector<double> mean, std;                  ///< one entry, or one a channel; empty when not given
  std::optional<double> scale;
  enum class Layout { kAuto, kNchw, kNhwc } layout = Layout::kAuto;
  bool gray = false, bgr = false;
};

/// Parses the text described above. E: kUsage, naming the word that is wrong.
Result<PreprocessSpec> parse_preprocess(std::string_view text);

/// What the pixels 0 and 255 become, where one mean and one deviation hold for all channels; nullopt otherwise.
std::optional<std::pair<double, double>> pixel_range(const PreprocessSpec& spec);

/// What the text does to pixels, channel by channel; nothing where it is the same for all of them.
std::optional<PixelNormalization> channel_normalization(const PreprocessSpec& spec);

/// "mean=123.675,116.28,103.53 std=58.395,57.12,57.375", in pixels.
std::string normalization_text(const PixelNormalization& normalization);

/// The axis of `input` with the channels of a picture. E: as preprocess().
Result<size_t> channel_axis(const TensorInfo& input, const PreprocessSpec& spec);

/// The part of a picture that a model sees, in the picture's pixels, and the size that it sees it in.
struct SeenPart {
  double left = 0, top = 0, width = 1, height = 1;
  int model_width = 0, model_height = 0;
  /// A place of the model's input (0 to 1) in the picture's pixels.
  double x(double relative) const { return left + relative * width; }
  double y(double relative) const { return top + relative * height; }
};
/// What preprocess() shows `input` of a picture of that size. E: as preprocess().
Result<SeenPart> seen_part(int width, int height, const PreprocessSpec& spec, const TensorInfo& input);

/// The tensor that `input` takes for this image, of its dtype (f32, f16, u8, i8, i16) and shape: 1xCxHxW, 1xHxWxC, or without
/// the batch axis. An input with a normalization of its own gets the pixels, whether the text states that normalization or
/// none. E: kInput (the shape does not fit, both sides stated; the input is no image; it has another normalization), kImage.
Result<NdArray> preprocess(const Image& image, const PreprocessSpec& spec, const TensorInfo& input);

}  // namespace atl
