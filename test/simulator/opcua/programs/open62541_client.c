/* A client of open62541 (C, another make than ours): it gets in with a certificate of its own, and as a user with a password or
 * with a certificate; reads, writes, calls, and prints what came of it, one line each.
 *     open62541_client URL CERTIFICATE.der KEY.der SERVER.der POLICY MODE password USER PASSWORD
 *     open62541_client URL CERTIFICATE.der KEY.der SERVER.der POLICY MODE certificate USER.der USER_KEY.der
 * POLICY is the last word of the policy's address, MODE is Sign or SignAndEncrypt. */
#include <open62541/client.h>
#include <open62541/client_config_default.h>
#include <open62541/client_highlevel.h>
#include <open62541/plugin/log_stdout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static UA_ByteString load(const char *path) {
  UA_ByteString bytes = UA_BYTESTRING_NULL;
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  UA_ByteString_allocBuffer(&bytes, (size_t)ftell(file));
  rewind(file);
  if (fread(bytes.data, 1, bytes.length, file) != bytes.length) exit(2);
  fclose(file);
  return bytes;
}

static UA_NodeId node(UA_UInt16 namespace, const char *name) {
  return UA_NODEID_STRING(namespace, (char *)name);
}

static void print_double(UA_Client *client, UA_UInt16 namespace, const char *name) {
  UA_Variant value;
  UA_Variant_init(&value);
  UA_StatusCode status = UA_Client_readValueAttribute(client, node(namespace, name), &value);
  double shown = UA_Variant_hasScalarType(&value, &UA_TYPES[UA_TYPES_DOUBLE]) ? *(UA_Double *)value.data : -1;
  printf("%s %s %g\n", name, UA_StatusCode_name(status), shown);
  UA_Variant_clear(&value);
}

int main(int count, char **words) {
  if (count != 10) return 2;
  UA_Boolean is_secret = strcmp(words[6], "SignAndEncrypt") == 0;
  if (!is_secret && strcmp(words[6], "Sign") != 0) return 2;
  char policy[80];
  snprintf(policy, sizeof policy, "http://opcfoundation.org/UA/SecurityPolicy#%s", words[5]);
  UA_Client *client = UA_Client_new();
  UA_ClientConfig *config = UA_Client_getConfig(client);
  UA_ByteString server = load(words[4]);
  UA_StatusCode status = UA_ClientConfig_setDefaultEncryption(config, load(words[2]), load(words[3]), &server, 1, NULL, 0);
  UA_String_clear(&config->clientDescription.applicationUri);
  config->clientDescription.applicationUri = UA_STRING_ALLOC("urn:plant:gateway");
  config->securityMode = is_secret ? UA_MESSAGESECURITYMODE_SIGNANDENCRYPT : UA_MESSAGESECURITYMODE_SIGN;
  config->securityPolicyUri = UA_STRING_ALLOC(policy);
  printf("configured %s\n", UA_StatusCode_name(status));
  if (strcmp(words[7], "certificate") == 0) {
    status = UA_ClientConfig_setAuthenticationCert(config, load(words[8]), load(words[9]));
    printf("user %s\n", UA_StatusCode_name(status));
    status = UA_Client_connect(client, words[1]);
  } else {
    status = UA_Client_connectUsername(client, words[1], words[8], words[9]);
  }
  printf("connected %s\n", UA_StatusCode_name(status));
  /* What the channel that it got has, not what it was told to ask for. */
  UA_MessageSecurityMode mode = UA_MESSAGESECURITYMODE_INVALID;
  UA_String used = UA_STRING_NULL;
  UA_Client_getConnectionAttribute_scalar(client, UA_QUALIFIEDNAME(0, "securityMode"),
                                          &UA_TYPES[UA_TYPES_MESSAGESECURITYMODE], &mode);
  UA_Client_getConnectionAttribute_scalar(client, UA_QUALIFIEDNAME(0, "securityPolicyUri"), &UA_TYPES[UA_TYPES_STRING], &used);
  const char *named = mode == UA_MESSAGESECURITYMODE_SIGNANDENCRYPT ? "SignAndEncrypt"
                      : mode == UA_MESSAGESECURITYMODE_SIGN         ? "Sign"
                                                                    : "neither";
  printf("channel %.*s %s\n", (int)used.length, (char *)used.data, named);
  UA_UInt16 namespace = 0;
  UA_String uri = UA_STRING("urn:plant:water");
  UA_Client_NamespaceGetIndex(client, &uri, &namespace);

  print_double(client, namespace, "tank.level");
  UA_Variant value;
  UA_Double half = 0.5, much = 66;
  UA_Variant_setScalar(&value, &half, &UA_TYPES[UA_TYPES_DOUBLE]);
  status = UA_Client_writeValueAttribute(client, node(namespace, "drain-valve.command"), &value);
  printf("write %s\n", UA_StatusCode_name(status));
  print_double(client, namespace, "drain-valve.command");
  UA_Variant_setScalar(&value, &much, &UA_TYPES[UA_TYPES_DOUBLE]);
  status = UA_Client_writeValueAttribute(client, node(namespace, "drain-valve.command"), &value);
  printf("write %s\n", UA_StatusCode_name(status));
  UA_Double quarter = 0.25;
  UA_Variant_setScalar(&value, &quarter, &UA_TYPES[UA_TYPES_DOUBLE]);
  size_t outputs = 0;
  UA_Variant *output = NULL;
  status = UA_Client_call(client, node(namespace, "drain-valve"), node(namespace, "drain-valve.move"), 1, &value,
                          &outputs, &output);
  printf("call %s\n", UA_StatusCode_name(status));
  print_double(client, namespace, "drain-valve.command");
  UA_Client_disconnect(client);
  return 0;
}
