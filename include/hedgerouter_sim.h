/*
 * SPDX-License-Identifier: Apache-2.0
 */

/**
 * @file hedgerouter_sim.h
 * @brief Experimental: run the router's decisions and decoders on recorded input, without network or clock.
 *
 * Nothing in this file is covered by the stability promise of hedgerouter.h.
 */

#ifndef HEDGEROUTER_SIM_H
#define HEDGEROUTER_SIM_H

#include "hedgerouter.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Feed a timeline of events to the decision core under a virtual clock and return the actions it took.
 *
 * @param script a JSON object: `config` (a configuration document), `seed`, and `timeline`, an array of objects with
 *               `at` (milliseconds) and `event`.
 * @param out    set to a JSON object with `steps`, an array with the actions of each entry of the timeline, and
 *               `stats`; release with hr_string_free().
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL, HR_E_CONFIG.
 * Since:   0.1
 */
HR_API int32_t hr_sim_core(const char *script, size_t script_size, char **out, size_t *out_size, hr_error *error);

/**
 * Feed bytes to a provider's decoder and return the provider-neutral events it produced.
 *
 * @param script a JSON object: `provider`, `stream`, optionally `status` and `headers`, and `input`, an array of
 *               strings or of `{"base64": "..."}` objects, one for each piece as it arrives.
 * @param out    set to a JSON object with `events`; release with hr_string_free().
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL.
 * Since:   0.1
 */
HR_API int32_t hr_sim_codec(const char *script, size_t script_size, char **out, size_t *out_size, hr_error *error);

#ifdef __cplusplus
}
#endif

#endif /* HEDGEROUTER_SIM_H */
