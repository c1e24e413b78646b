#include "portal/blame.h"

enum gate_err gate_blame_upstream(enum gate_err err) {
    switch (err) {
    case GATE_ERR_INPUT:
    case GATE_ERR_FORBIDDEN:
    case GATE_ERR_CONFLICT:
    case GATE_ERR_PROVIDER:
        return GATE_ERR_UPSTREAM;
    default:
        return err;
    }
}
