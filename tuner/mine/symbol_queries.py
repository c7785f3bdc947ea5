"""Say, for each grammar, which nodes define, call and import something: one tree-sitter query a language.

Captures: `@<kind>` is a definition (kinds as in `symbols.Definition`), `@name` its name, `@body` where its signature
ends; `@declarator` holds a C name deep inside; `@owner` is a block whose functions are methods (`impl`), `@scope` one
whose functions are local; `@call` is a called name and `@on` what stands before it; `@import`, `@require`, `@doc`,
`@comment`. Left out on purpose: enum members and fields (their names say little alone), C prototypes (they define
nothing), and names that are assigned inside functions.
"""

from __future__ import annotations

import re

_PYTHON = """
(function_definition name: (identifier) @name body: (block) @body) @function
(class_definition name: (identifier) @name body: (block) @body) @class
(module (expression_statement (assignment left: (identifier) @name) @variable))
(block . (expression_statement (string) @doc))
(call function: (identifier) @call)
(call function: (attribute object: (_) @on attribute: (identifier) @call))
(import_statement) @import
(import_from_statement) @import
(comment) @comment
"""
_JAVASCRIPT = """
(function_declaration name: (identifier) @name body: (_) @body) @function
(generator_function_declaration name: (identifier) @name body: (_) @body) @function
(class_body (method_definition name: (_) @name body: (_) @body) @function)
(object (method_definition) @scope)
(variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body) @scope) @function
(variable_declarator name: (identifier) @name value: (function_expression body: (_) @body) @scope) @function
(program [
  (lexical_declaration "const" (variable_declarator name: (identifier) @name value: (_) @body) @constant)
  (lexical_declaration "let" (variable_declarator name: (identifier) @name) @variable)
  (variable_declaration (variable_declarator name: (identifier) @name) @variable)
  (export_statement (lexical_declaration "const"
    (variable_declarator name: (identifier) @name value: (_) @body) @constant))
  (export_statement (lexical_declaration "let" (variable_declarator name: (identifier) @name) @variable))
])
(arrow_function) @scope
(function_expression) @scope
(call_expression function: (identifier) @call)
(call_expression function: (member_expression object: (_) @on property: (property_identifier) @call))
(new_expression constructor: (identifier) @call)
(import_statement) @import
(export_statement source: (string)) @import
(variable_declarator name: (_) value: (call_expression
  function: (identifier) @called arguments: (arguments . (string))) (#eq? @called "require")) @require
(comment) @comment
"""
_TYPESCRIPT = (
    _JAVASCRIPT
    + """
(class_declaration name: (type_identifier) @name body: (_) @body) @class
(abstract_class_declaration name: (type_identifier) @name body: (_) @body) @class
(interface_declaration name: (type_identifier) @name body: (_) @body) @interface
(type_alias_declaration name: (type_identifier) @name value: (_) @body) @type
(enum_declaration name: (identifier) @name body: (_) @body) @enum
(function_signature name: (identifier) @name) @function
(method_signature name: (property_identifier) @name) @function
(abstract_method_signature name: (property_identifier) @name) @function
"""
)
_GO = """
(function_declaration name: (identifier) @name body: (block) @body) @function
(method_declaration receiver: (parameter_list) @receiver name: (field_identifier) @name body: (block) @body) @method
(type_spec name: (type_identifier) @name type: (struct_type (field_declaration_list) @body)) @struct
(type_spec name: (type_identifier) @name type: (interface_type) @body) @interface
(type_spec name: (type_identifier) @name
  type: [(type_identifier) (pointer_type) (function_type) (map_type) (slice_type) (qualified_type)]) @type
(type_alias name: (type_identifier) @name) @type
(source_file (const_declaration (const_spec name: (identifier) @name) @constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @variable))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @variable)))
(func_literal) @scope
(call_expression function: (identifier) @call)
(call_expression function: (selector_expression operand: (_) @on field: (field_identifier) @call))
(import_spec) @import
(comment) @comment
"""
_JAVA = """
(class_declaration name: (identifier) @name body: (_) @body) @class
(record_declaration name: (identifier) @name body: (_) @body) @record
(interface_declaration name: (identifier) @name body: (_) @body) @interface
(annotation_type_declaration name: (identifier) @name body: (_) @body) @annotation
(enum_declaration name: (identifier) @name body: (_) @body) @enum
(method_declaration name: (identifier) @name body: (_) @body) @method
(method_declaration name: (identifier) @name !body) @method
(constructor_declaration name: (identifier) @name body: (_) @body) @constructor
(field_declaration (modifiers) @modifiers declarator: (variable_declarator name: (identifier) @name)) @constant
(object_creation_expression (class_body) @scope)
(lambda_expression) @scope
(method_invocation !object name: (identifier) @call)
(method_invocation object: (_) @on name: (identifier) @call)
(object_creation_expression type: (type_identifier) @call)
(import_declaration) @import
(line_comment) @comment
(block_comment) @comment
"""
_RUST = """
(function_item name: (identifier) @name body: (_) @body) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name body: (_) @body) @struct
(struct_item name: (type_identifier) @name !body) @struct
(union_item name: (type_identifier) @name body: (_) @body) @union
(enum_item name: (type_identifier) @name body: (_) @body) @enum
(trait_item name: (type_identifier) @name body: (_) @body) @trait
(type_item name: (type_identifier) @name) @type
(const_item name: (identifier) @name) @constant
(static_item name: (identifier) @name) @variable
(macro_definition name: (identifier) @name) @macro
(impl_item type: (_) @of) @owner
(mod_item name: (identifier) @module body: (_) @body)
(mod_item name: (identifier) !body) @import
(closure_expression) @scope
(call_expression function: (identifier) @call)
(call_expression function: (field_expression value: (_) @on field: (field_identifier) @call))
(call_expression function: (scoped_identifier path: (_) @on name: (identifier) @call))
(macro_invocation macro: (identifier) @call)
(use_declaration) @import
(line_comment) @comment
(block_comment) @comment
"""
_C = """
(function_definition declarator: (_) @declarator body: (compound_statement) @body) @function
(struct_specifier name: (type_identifier) @name body: (_) @body) @struct
(union_specifier name: (type_identifier) @name body: (_) @body) @union
(enum_specifier name: (type_identifier) @name body: (_) @body) @enum
(type_definition type: (struct_specifier body: (_) @body) declarator: (type_identifier) @name) @struct
(type_definition type: (union_specifier body: (_) @body) declarator: (type_identifier) @name) @union
(type_definition type: (enum_specifier body: (_) @body) declarator: (type_identifier) @name) @enum
(type_definition type: [(primitive_type) (sized_type_specifier) (type_identifier)]
  declarator: (type_identifier) @name) @type
(preproc_def name: (identifier) @name value: (_)) @macro
(preproc_function_def name: (identifier) @name value: (_) @body) @macro
(call_expression function: (identifier) @call)
(call_expression function: (field_expression argument: (_) @on field: (field_identifier) @call))
(preproc_include) @import
(comment) @comment
"""
_CPP = (
    _C
    + """
(class_specifier name: (type_identifier) @name body: (_) @body) @class
(alias_declaration name: (type_identifier) @name) @type
(lambda_expression) @scope
(call_expression function: (qualified_identifier scope: (_) @on name: (identifier) @call))
(call_expression function: (qualified_identifier scope: (_) @on name: (template_function name: (identifier) @call)))
(call_expression function: (template_function name: (identifier) @call))
"""
)
QUERIES = {
    "python": _PYTHON,
    "javascript": _JAVASCRIPT + "(class_declaration name: (identifier) @name body: (_) @body) @class",
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": _GO,
    "java": _JAVA,
    "rust": _RUST,
    "c": _C,
    "cpp": _CPP,
}
_EACH = re.compile(r"^\(.*(?:\n[^(].*)*", re.MULTILINE)  # a pattern begins with a bracket at the start of its line
IMPORT_QUERIES = {
    name: "\n".join(each for each in _EACH.findall(query) if each.endswith(("@import", "@require")))
    for name, query in QUERIES.items()
}
