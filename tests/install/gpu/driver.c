/* A stub of NVIDIA's driver, libcuda.so.1. It reports no GPU or, if the environment variable CAPABILITY is set to a
   compute capability such as 90 for 9.0, one GPU. All other functions return NOT_SUPPORTED. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

enum { SUCCESS = 0, NO_DEVICE = 100, NOT_SUPPORTED = 801 };

static int capability(void) {
  const char *text = getenv("CAPABILITY");
  return text ? atoi(text) : 0;
}

static int not_supported(void) { return NOT_SUPPORTED; }

int cuInit(unsigned flags) { return capability() ? SUCCESS : NO_DEVICE; }

int cuDriverGetVersion(int *version) {
  *version = 11080;
  return SUCCESS;
}

int cuDeviceGetCount(int *count) {
  *count = capability() ? 1 : 0;
  return SUCCESS;
}

int cuDeviceGet(int *device, int number) {
  *device = number;
  return capability() && number == 0 ? SUCCESS : 101;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? capability() / 10 : attribute == 76 ? capability() % 10 : 1;
  return SUCCESS;
}

/* The CUDA runtime looks up all functions by name, and fails if one is missing. */
int cuGetProcAddress(const char *name, void **function, int version, unsigned long long flags) {
  *function = dlsym(RTLD_DEFAULT, name);
  if (*function == NULL) *function = (void *)not_supported;
  return SUCCESS;
}

/* Functions that libmxnet.so links to. */
int cuDevicePrimaryCtxRetain(void) { return NOT_SUPPORTED; }
int cuGetErrorString(void) { return NOT_SUPPORTED; }
int cuGraphKernelNodeGetParams(void) { return NOT_SUPPORTED; }
int cuGraphNodeGetType(void) { return NOT_SUPPORTED; }
int cuLaunchKernel(void) { return NOT_SUPPORTED; }
int cuModuleGetFunction(void) { return NOT_SUPPORTED; }
int cuModuleLoadData(void) { return NOT_SUPPORTED; }
int cuModuleLoadDataEx(void) { return NOT_SUPPORTED; }
int cuModuleUnload(void) { return NOT_SUPPORTED; }
