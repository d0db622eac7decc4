/// Names LiteLLM 1.109 gives to settings this library does not act on.
///
/// A key of these lists is accepted with a warning, so that an existing file loads as it is; a key of no list is taken
/// for a misspelling and refused.
enum LiteLLMNames {
    /// Sections of the whole document.
    static let sections = names(
        """
        litellm_settings general_settings environment_variables callback_settings files_settings finetune_settings
        assistant_settings credential_list guardrails policies policy_attachments prompts mcp_servers mcp_tools
        search_tools vector_store_registry worker_registry include default_vertex_config
        """
    )

    /// Keys beside `model_name` and `litellm_params`.
    static let deployment = names(
        """
        blocked tpm rpm
        """
    )

    /// `litellm_params`: credentials and addresses of single providers.
    static let credentials = names(
        """
        tenant_id client_id client_secret azure_scope azure_username azure_password
        vertex_credentials region_name gcs_bucket_name bucket_name
        aws_session_name aws_profile_name aws_role_name
        aws_web_identity_token aws_sts_endpoint aws_external_id aws_session_tags aws_bedrock_runtime_endpoint
        aws_bedrock_control_plane_endpoint aws_bedrock_project_id s3_bucket_name s3_endpoint_url s3_region_name
        s3_access_key_id s3_secret_access_key s3_encryption_key_id s3_bucket_owner aws_batch_role_arn
        s3_output_bucket_name bedrock_tags watsonx_region_name anthropic_federation_rule_id
        anthropic_organization_id anthropic_service_account_id anthropic_federation_workspace_id
        anthropic_identity_token_file anthropic_identity_token anthropic_identity_source anthropic_issuer_url
        anthropic_issuer_subject anthropic_issuer_audience anthropic_issuer_ttl_seconds
        anthropic_issuer_signing_key_ref anthropic_keycloak_token_url anthropic_keycloak_client_id
        anthropic_keycloak_auth_method anthropic_keycloak_client_secret_ref anthropic_keycloak_scope
        anthropic_disable_workload_identity_federation openai_identity_provider_id openai_service_account_id
        openai_identity_token_file token_exchange_endpoint token_exchange_profile token_exchange_scope
        token_exchange_audience
        """
    )

    /// `litellm_params`: limits, budgets and features of LiteLLM itself.
    static let deploymentSettings = names(
        """
        responses_api_version itpm otpm tpd rpd daily_reset_time timeout_by_service_tier
        stream_timeout_by_service_tier configurable_clientside_auth_params litellm_credential_name
        provider_affinity_header litellm_trace_id max_file_size_mb default_api_key_tpm_limit
        default_api_key_rpm_limit max_budget budget_duration keepalive_seconds allow_client_keepalive_override
        use_in_pass_through use_litellm_proxy use_chat_completions_api use_xai_oauth chatgpt_auth_file
        fireworks_forward_user_id merge_reasoning_content_in_choices thought_signature_in_tool_call_id model_info
        mock_response tags tag_regex auto_router_config_path auto_router_config auto_router_default_model
        auto_router_embedding_model auto_router_max_input_chars auto_router_routing_compression
        auto_router_model_compression complexity_router_config complexity_router_default_model
        adaptive_router_default_model adaptive_router_config quality_router_config quality_router_default_model
        vector_store_id milvus_text_field milvus_db_name milvus_partition_names valkey_host valkey_port
        valkey_password valkey_ssl valkey_text_field valkey_embedding_field kubernetes_pod_discovery
        vector_bucket_name index_name embedding_model litellm_metadata guardrails caching cache ttl fallbacks
        context_window_fallback_dict retry_policy retry_strategy mock_timeout mock_tool_calls prompt_id
        prompt_variables prompt_version prompt_label provider_specific_header force_timeout hf_model_name roles
        initial_prompt_value final_prompt_value bos_token eos_token base_model supports_system_message
        allowed_model_region model_config azure_ad_token_provider user_continue_message assistant_continue_message
        ensure_alternating_roles max_fallbacks litellm_session_id silent_model ssl_verify client no-log verbose
        """
    )

    /// `litellm_params`: parameters LiteLLM adds to each request it sends.
    static let chatParameters = names(
        """
        temperature top_p n stream stream_options stop max_tokens max_completion_tokens modalities prediction audio
        presence_penalty frequency_penalty logit_bias user response_format seed tools tool_choice functions
        function_call logprobs top_logprobs parallel_tool_calls allowed_openai_params additional_drop_params
        reasoning_effort verbosity thinking web_search_options service_tier safety_identifier prompt_cache_key
        prompt_cache_retention store metadata context_management extra_body request_timeout default_headers headers
        deployment_id top_k repetition_penalty safety_settings cache_control_injection_points
        """
    )

    /// `litellm_params`: prices other than the two per token.
    static let pricing = names(
        """
        cost_per_second input_cost_per_second input_cost_per_text_message output_cost_per_second
        output_cost_per_second_1080p output_cost_per_second_480p output_cost_per_second_720p
        output_cost_per_second_768p output_cost_per_second_2k output_cost_per_second_4k output_cost_per_image_512
        output_cost_per_image_1024 output_cost_per_image_1536 input_cost_per_pixel output_cost_per_pixel
        input_cost_per_token_flex input_cost_per_token_priority input_cost_per_token_balanced
        input_cost_per_token_ultrafast cache_creation_input_token_cost_above_100k_tokens
        cache_creation_input_token_cost_above_1hr_above_100k_tokens
        cache_creation_input_token_cost_above_200k_tokens cache_creation_input_token_cost_above_272k_tokens
        cache_creation_input_token_cost_above_272k_tokens_priority
        cache_creation_input_token_cost_above_272k_tokens_flex
        cache_creation_input_token_cost_above_272k_tokens_ultrafast cache_creation_input_token_cost_flex
        cache_creation_input_token_cost_priority cache_creation_input_token_cost_ultrafast
        cache_creation_input_audio_token_cost cache_read_input_token_cost_flex cache_read_input_token_cost_priority
        cache_read_input_token_cost_balanced cache_read_input_token_cost_ultrafast
        cache_read_input_token_cost_above_100k_tokens cache_read_input_token_cost_above_200k_tokens
        cache_read_input_token_cost_above_200k_tokens_priority
        cache_read_input_token_cost_above_272k_tokens_priority cache_read_input_token_cost_above_272k_tokens_flex
        cache_read_input_token_cost_above_272k_tokens_ultrafast cache_read_input_token_cost_batches
        cache_read_input_token_cost_above_100k_tokens_batches cache_read_input_token_cost_above_200k_tokens_batches
        cache_read_input_token_cost_above_272k_tokens_batches cache_read_input_audio_token_cost_batches
        cache_creation_input_token_cost_batches cache_creation_input_token_cost_above_100k_tokens_batches
        cache_creation_input_token_cost_above_200k_tokens_batches
        cache_creation_input_token_cost_above_272k_tokens_batches cache_read_input_audio_token_cost
        cache_read_input_audio_token_cost_flex cache_read_input_audio_token_cost_priority
        cache_read_input_image_token_cost input_cost_per_character_above_128k_tokens input_cost_per_audio_token
        input_cost_per_audio_token_flex input_cost_per_audio_token_priority input_cost_per_token_cache_hit
        input_cost_per_token_above_128k_tokens input_cost_per_token_above_100k_tokens
        input_cost_per_token_above_200k_tokens input_cost_per_token_above_200k_tokens_priority
        input_cost_per_token_above_272k_tokens_priority input_cost_per_token_above_272k_tokens_flex
        input_cost_per_token_above_272k_tokens_ultrafast input_cost_per_token_above_200k_tokens_batches
        input_cost_per_token_above_100k_tokens_batches input_cost_per_token_above_272k_tokens_batches
        input_cost_per_query input_cost_per_image input_cost_per_image_above_128k_tokens
        input_cost_per_audio_per_second input_cost_per_audio_per_second_above_128k_tokens
        input_cost_per_video_per_second input_cost_per_video_per_second_above_128k_tokens
        input_cost_per_video_per_second_above_15s_interval input_cost_per_video_per_second_above_8s_interval
        input_cost_per_audio_token_batches input_cost_per_image_token_batches input_cost_per_token_batches
        input_cost_per_video_token_batches output_cost_per_token_batches output_cost_per_token_flex
        output_cost_per_token_priority output_cost_per_token_balanced output_cost_per_token_ultrafast
        output_cost_per_audio_token output_cost_per_token_above_128k_tokens output_cost_per_token_above_100k_tokens
        output_cost_per_token_above_200k_tokens output_cost_per_token_above_200k_tokens_priority
        output_cost_per_token_above_272k_tokens_priority output_cost_per_token_above_272k_tokens_flex
        output_cost_per_token_above_272k_tokens_ultrafast output_cost_per_token_above_200k_tokens_batches
        output_cost_per_token_above_100k_tokens_batches output_cost_per_token_above_272k_tokens_batches
        output_cost_per_character_above_128k_tokens output_cost_per_image output_cost_per_image_token
        output_cost_per_image_token_batches output_cost_per_video_token output_cost_per_reasoning_token
        output_cost_per_reasoning_token_flex output_cost_per_reasoning_token_priority
        output_cost_per_video_per_second output_cost_per_audio_per_second search_context_cost_per_query
        search_queries_cost_per_query google_maps_grounding_cost_per_query citation_cost_per_token
        cache_read_input_token_cost_above_272k_tokens cache_read_input_token_cost_above_512k_tokens
        input_cost_per_image_token input_cost_per_video_token input_cost_per_token_above_272k_tokens
        input_cost_per_token_above_512k_tokens output_cost_per_token_above_272k_tokens
        output_cost_per_token_above_512k_tokens output_vector_size ocr_cost_per_page ocr_cost_per_page_batches
        ocr_cost_per_credit annotation_cost_per_page annotation_cost_per_page_batches
        regional_processing_uplift_multiplier_eu regional_processing_uplift_multiplier_us
        regional_endpoint_uplift_multiplier input_cost_per_character output_cost_per_character
        explicit_cache_read_input_token_cost
        cache_creation_input_token_cost_above_1hr cache_creation_input_token_cost_above_12hr
        cache_creation_input_token_cost_above_12hr_flex cache_creation_input_token_cost_above_12hr_priority
        cache_creation_input_token_cost_above_12hr_above_272k_tokens
        cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex
        cache_creation_input_token_cost_above_12hr_above_272k_tokens_priority
        cache_creation_input_token_cost_above_12hr_batches cache_creation_input_token_cost_above_12hr_ultrafast
        cache_creation_input_token_cost_above_12hr_above_272k_tokens_batches
        cache_creation_input_token_cost_above_12hr_above_272k_tokens_ultrafast tiered_pricing
        """
    )

    /// `model_info`, apart from `id`.
    static let modelInfo = names(
        """
        enforce_supported_endpoints db_model updated_at updated_by created_at created_by pricing_provider
        tier team_id team_public_model_name member_auto_router blocked discoverable access_windows ptu_count
        cost_per_ptu_per_hour ptu_effective_from ptu_effective_to ptu_shares allow_fail_open enable_tag_filtering
        internal_router_model max_embedding_batch_size
        access_groups mode max_tokens max_input_tokens
        supports_parallel_function_calling supports_tool_choice supports_prompt_caching
        supports_reasoning supports_web_search supports_pdf_input supports_audio_input supports_audio_output
        supports_system_messages supported_endpoints health_check_model health_check_timeout
        disable_background_health_check max_n version litellm_provider rpm tpm key description direct_access
        input_cost_per_token output_cost_per_token
        """
    )

    /// `router_settings`.
    static let router = names(
        """
        assistants_config search_tools guardrail_list redis_url redis_host redis_port redis_password redis_db
        cache_responses cache_kwargs caching_groups client_ttl polling_interval
        default_litellm_params set_verbose debug_level enable_pre_call_checks enable_tag_filtering
        tag_filtering_match_any tag_routing_prefix plugins
        fallback_on_unsupported_params optional_pre_call_checks routing_groups
        provider_budget_config alerting_config router_general_settings deployment_affinity_ttl_seconds
        model_group_affinity_config ignore_invalid_deployments enable_health_check_routing
        health_check_staleness_threshold health_check_ignore_transient_errors background_health_check_model_groups
        enable_weighted_failover enable_mid_stream_fallback_continuation fallback_access_check fallback_budget_check
        auto_router_capability_limit session_affinity_repin_on_failover weights
        """
    )

    /// `router_settings.routing_strategy_args`.
    static let strategyArguments = names(
        """
        max_latency_list_size ttft_percentile
        """
    )

    private static func names(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
