// SPDX-License-Identifier: MIT
#include "c/call.hpp"
#include "c/handles.hpp"

#include <process_shared/participant.hpp>

#include <vector>

using namespace process_shared;
using namespace process_shared::c;

struct pshared_participant {
    participant value;
    // Those that are entered; only one thread at a time may be.
    std::vector<std::unique_ptr<participant::scope>> scopes{};
};

extern "C" {

int pshared_participant_create(const pshared_segment_t* in, pshared_participant_t** result) {
    if (result == nullptr) return PSHARED_EINVAL;
    return run([&] { *result = new pshared_participant{in == nullptr ? participant() : participant(*in->used)}; });
}
void pshared_participant_end(pshared_participant_t* who) { delete who; }
int pshared_participant_enter(pshared_participant_t* who) {
    if (who == nullptr) return PSHARED_EINVAL;
    return run([&] { who->scopes.push_back(std::make_unique<participant::scope>(who->value)); });
}
int pshared_participant_leave(pshared_participant_t* who) {
    if (who == nullptr) return PSHARED_EINVAL;
    if (who->scopes.empty()) return PSHARED_ENOTOWNER;
    who->scopes.pop_back();
    return PSHARED_OK;
}
int pshared_act_as(pshared_participant_t* who) {
    return run([&] { who == nullptr ? participant::act_as_self() : who->value.act(); });
}
void pshared_thread_renamed(void) { process_shared::thread_renamed(); }
void pshared_abandon_held(void) { process_shared::abandon_held(); }

}  // extern "C"
