"""Say, for each grammar, which nodes use a name and which bring one in: one tree-sitter query a language.

Captures: `@call` is a name that is called bare or constructed, `@attribute` one that is looked up on `@on`, `@argument`
one that an argument is passed by to `@callee`, `@import` a whole import; `@define` and `@target` bring names in, the
second as a pattern. Left out on purpose: types in annotations, names that are only read, and Rust's macro arguments,
which have no tree.
"""

from __future__ import annotations

_PYTHON = """
(call function: (identifier) @call)
(decorator (identifier) @call)
(attribute object: (_) @on attribute: (identifier) @attribute)
(call function: (_) @callee arguments: (argument_list (keyword_argument name: (identifier) @argument)))
(import_statement) @import
(import_from_statement) @import
(function_definition name: (identifier) @define)
(class_definition name: (identifier) @define)
(parameters) @target
(lambda_parameters) @target
(assignment left: (_) @target)
(for_statement left: (_) @target)
(for_in_clause left: (_) @target)
(as_pattern_target) @target
(named_expression name: (_) @target)
"""
_JAVASCRIPT = """
(call_expression function: (identifier) @call)
(new_expression constructor: (identifier) @call)
(member_expression object: (_) @on property: (property_identifier) @attribute)
(import_statement) @import
(function_declaration name: (identifier) @define)
(method_definition name: (property_identifier) @define)
(variable_declarator name: (_) @target)
(assignment_expression left: (_) @target)
(formal_parameters) @target
(arrow_function parameter: (identifier) @define)
(pair key: (property_identifier) @define)
(for_in_statement left: (_) @target)
(catch_clause parameter: (_) @target)
"""
_TYPESCRIPT = (
    _JAVASCRIPT
    + """
(class_declaration name: (type_identifier) @define)
(interface_declaration name: (type_identifier) @define)
(type_alias_declaration name: (type_identifier) @define)
(enum_declaration name: (identifier) @define)
(property_signature name: (property_identifier) @define)
(method_signature name: (property_identifier) @define)
(public_field_definition name: (property_identifier) @define)
"""
)
_GO = """
(call_expression function: (identifier) @call)
(selector_expression operand: (_) @on field: (field_identifier) @attribute)
(qualified_type package: (_) @on name: (type_identifier) @attribute)
(import_spec) @import
(function_declaration name: (identifier) @define)
(method_declaration name: (field_identifier) @define)
(type_spec name: (type_identifier) @define)
(field_declaration name: (field_identifier) @define)
(const_spec name: (identifier) @define)
(var_spec name: (identifier) @define)
(parameter_declaration name: (identifier) @define)
(short_var_declaration left: (_) @target)
(assignment_statement left: (_) @target)
(range_clause left: (_) @target)
"""
_JAVA = """
(method_invocation !object name: (identifier) @call)
(method_invocation object: (_) @on name: (identifier) @attribute)
(field_access object: (_) @on field: (identifier) @attribute)
(object_creation_expression type: (type_identifier) @call)
(marker_annotation name: (identifier) @call)
(annotation name: (identifier) @call)
(import_declaration) @import
(variable_declarator name: (identifier) @define)
(method_declaration name: (identifier) @define)
(class_declaration name: (identifier) @define)
(interface_declaration name: (identifier) @define)
(enum_declaration name: (identifier) @define)
(constructor_declaration name: (identifier) @define)
(formal_parameter name: (identifier) @define)
(lambda_expression parameters: (_) @target)
"""
_RUST = """
(call_expression function: (identifier) @call)
(field_expression value: (_) @on field: (field_identifier) @attribute)
(scoped_identifier path: (_) @on name: (identifier) @attribute)
(scoped_type_identifier path: (_) @on name: (type_identifier) @attribute)
(macro_invocation macro: (identifier) @call)
(use_declaration) @import
(function_item name: (identifier) @define)
(struct_item name: (type_identifier) @define)
(enum_item name: (type_identifier) @define)
(enum_variant name: (identifier) @define)
(trait_item name: (type_identifier) @define)
(type_item name: (type_identifier) @define)
(const_item name: (identifier) @define)
(field_declaration name: (field_identifier) @define)
(macro_definition name: (identifier) @define)
(let_declaration pattern: (_) @target)
(parameter pattern: (_) @target)
(closure_parameters) @target
(for_expression pattern: (_) @target)
(match_pattern) @target
(assignment_expression left: (_) @target)
"""
_C = """
(call_expression function: (identifier) @call)
(field_expression argument: (_) @on field: (field_identifier) @attribute)
(preproc_include) @import
(preproc_def name: (identifier) @define)
(preproc_function_def name: (identifier) @define)
(function_declarator declarator: (_) @target)
(init_declarator declarator: (_) @target)
(declaration declarator: (_) @target)
(parameter_declaration declarator: (_) @target)
(field_declaration declarator: (_) @target)
(type_definition declarator: (_) @target)
(assignment_expression left: (_) @target)
(struct_specifier name: (type_identifier) @define)
(enumerator name: (identifier) @define)
"""
_CPP = (
    _C
    + """
(qualified_identifier scope: (_) @on name: (identifier) @attribute)
(qualified_identifier scope: (_) @on name: (template_function name: (identifier) @attribute))
(call_expression function: (template_function name: (identifier) @call))
(class_specifier name: (type_identifier) @define)
(alias_declaration name: (type_identifier) @define)
"""
)
USES = {
    "python": _PYTHON,
    "javascript": _JAVASCRIPT + "(class_declaration name: (identifier) @define)",
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": _GO,
    "java": _JAVA,
    "rust": _RUST,
    "c": _C,
    "cpp": _CPP,
}
