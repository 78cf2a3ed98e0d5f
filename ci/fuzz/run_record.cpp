// The record of the last run, which `run --failed` reads: any text.
#include "tools/aivp-sim/run_record.hpp"
#include "ci/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = aivp::tools::parse_last_run(fuzz::as_text(data, size));
    if (!read) {
        fuzz::require(!read.error().message.empty(), "what is no record is refused with a reason");
        return 0;
    }
    fuzz::require(read->seeds >= 1, "a run has seeds");
    const auto again = aivp::tools::parse_last_run(aivp::tools::to_json(*read));
    fuzz::require(again && *again == *read, "written and read again it is the same");
    return 0;
}
