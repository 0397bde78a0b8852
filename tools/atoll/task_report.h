// What --task has found, as text and as JSON.
#pragma once
#include <nlohmann/json.hpp>

#include "atoll/task.h"

namespace atl::cli {

nlohmann::ordered_json json_of(const TaskReport& report);
void print_task(const TaskReport& report);

}  // namespace atl::cli
