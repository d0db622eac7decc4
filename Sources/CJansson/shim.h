// Typed access to the parts of jansson that are macros or variadic, which Swift cannot call.
#ifndef HEDGEROUTER_CJANSSON_SHIM_H
#define HEDGEROUTER_CJANSSON_SHIM_H

#include <jansson.h>

#endif
