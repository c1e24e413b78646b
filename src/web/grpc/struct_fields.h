/* The fields of google/protobuf/struct.proto. For struct_….c only. Threads: immutable. */
#ifndef GATE_WEB_GRPC_STRUCT_FIELDS_H
#define GATE_WEB_GRPC_STRUCT_FIELDS_H

enum {
    STRUCT_FIELDS = 1, /* map<string, Value>, which is a list of entries */
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    LIST_VALUES = 1,

    VALUE_NULL = 1,
    VALUE_NUMBER = 2,
    VALUE_TEXT = 3,
    VALUE_BOOL = 4,
    VALUE_STRUCT = 5,
    VALUE_LIST = 6,
};

#endif
