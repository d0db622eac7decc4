/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a configuration document: the report is well formed and agrees with the status, and what the check
 * accepts, the router accepts.
 */

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *report = NULL;
  size_t report_size = 0;
  hr_error error = HR_ERROR_INIT;
  int32_t status = hr_config_check((const char *)data, size, &report, &report_size, &error);
  if (status != HR_OK && status != HR_E_CONFIG) broken("the check accepts or refuses", hr_error_name(status));
  if (!report) broken("the check reports", hr_error_name(status));
  json_t *value = parsed(report, report_size, "hr_config_check");
  size_t errors = json_array_size(json_object_get(value, "errors"));
  if ((status == HR_OK) != (errors == 0)) broken("status and report agree", report);
  json_decref(value);
  hr_string_free(report);

  if (status == HR_OK) {
    text script = { 0 };
    text_format(&script, "{\"seed\": 1, \"timeline\": [], \"config\": ");
    text_bytes(&script, data, size);
    text_format(&script, "}");
    char *out = NULL;
    status = hr_sim_core(script.data, script.size, &out, NULL, &error);
    if (status != HR_OK) broken("what the check accepts, the router accepts", error.message);
    hr_string_free(out);
    free(script.data);
  }
  return 0;
}
