// Answers requests to SavedModels as a server does, without Python: TensorFlow's
// own loader, and a session that is fed and asked by the names of a SignatureDef.
//
// It reads commands from standard input and answers on standard output:
//
//   load PATH\n                    ->  ok 0\n
//   run SIGNATURE COUNT\n          ->  ok COUNT\n and as many tensors, or
//     and as many tensors              error CODE SIZE\n and the message
//
// A tensor is `NAME SIZE\n` and a serialized TensorProto of that many bytes.
// The model of the last `load` answers. Arguments are libraries of operations.

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/protobuf/config.pb.h"
#include "tensorflow/core/protobuf/meta_graph.pb.h"
#include "tensorflow/core/public/session_options.h"

namespace {

using tensorflow::Tensor;
using Tensors = std::vector<std::pair<std::string, Tensor>>;

absl::Status Load(const std::string& path,
                  std::unique_ptr<tensorflow::SavedModelBundle>* model) {
  tensorflow::SessionOptions options;
  options.config.set_intra_op_parallelism_threads(1);
  options.config.set_inter_op_parallelism_threads(1);
  auto loaded = std::make_unique<tensorflow::SavedModelBundle>();
  absl::Status status = tensorflow::LoadSavedModel(
      options, tensorflow::RunOptions(), path, {"serve"}, loaded.get());
  if (status.ok()) *model = std::move(loaded);
  return status;
}

absl::Status ReadTensors(int count, Tensors* tensors) {
  // All are read before the first is looked at: a bad one must not leave the
  // others in the stream.
  bool parsed = true;
  for (int i = 0; i < count; ++i) {
    std::string name;
    size_t size;
    std::cin >> name >> size;
    std::cin.get();
    std::string bytes(size, '\0');
    std::cin.read(&bytes[0], size);
    tensorflow::TensorProto proto;
    Tensor tensor;
    parsed &= proto.ParseFromString(bytes) && tensor.FromProto(proto);
    tensors->emplace_back(name, std::move(tensor));
  }
  if (parsed) return absl::OkStatus();
  return absl::InvalidArgumentError("A tensor of the request is damaged.");
}

absl::Status Run(const tensorflow::SavedModelBundle& model,
                 const std::string& signature_name, const Tensors& request,
                 Tensors* answer) {
  const auto& signatures = model.GetSignatures();
  const auto found = signatures.find(signature_name);
  if (found == signatures.end()) {
    return absl::NotFoundError("There is no signature " + signature_name);
  }
  const tensorflow::SignatureDef& signature = found->second;
  Tensors feeds;
  for (const auto& [name, tensor] : request) {
    const auto input = signature.inputs().find(name);
    if (input == signature.inputs().end()) {
      return absl::InvalidArgumentError("There is no input " + name);
    }
    feeds.emplace_back(input->second.name(), tensor);
  }
  std::vector<std::string> names, fetches;
  for (const auto& [name, info] : signature.outputs()) {
    names.push_back(name);
    fetches.push_back(info.name());
  }
  std::vector<Tensor> outputs;
  absl::Status status = model.GetSession()->Run(feeds, fetches, {}, &outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    answer->emplace_back(names[i], outputs[i]);
  }
  return status;
}

void Write(FILE* out, const absl::Status& status, const Tensors& tensors) {
  if (!status.ok()) {
    const std::string message(status.message());
    std::fprintf(out, "error %d %zu\n", static_cast<int>(status.code()),
                 message.size());
    std::fwrite(message.data(), 1, message.size(), out);
  } else {
    std::fprintf(out, "ok %zu\n", tensors.size());
    for (const auto& [name, tensor] : tensors) {
      tensorflow::TensorProto proto;
      // Python reads the strings of a message one by one.
      if (tensor.dtype() == tensorflow::DT_STRING) {
        tensor.AsProtoField(&proto);
      } else {
        tensor.AsProtoTensorContent(&proto);
      }
      const std::string bytes = proto.SerializeAsString();
      std::fprintf(out, "%s %zu\n", name.c_str(), bytes.size());
      std::fwrite(bytes.data(), 1, bytes.size(), out);
    }
  }
  std::fflush(out);
}

}  // namespace

int main(int argc, char** argv) {
  // Libraries may log to standard output: the answers have a copy of it.
  FILE* out = fdopen(dup(1), "wb");
  dup2(2, 1);
  for (int i = 1; i < argc; ++i) {
    if (dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      std::cerr << dlerror() << "\n";
      return 1;
    }
  }
  std::unique_ptr<tensorflow::SavedModelBundle> model;
  std::string command;
  while (std::cin >> command) {
    Tensors answer;
    absl::Status status;
    if (command == "load") {
      std::string path;
      std::cin.get();
      std::getline(std::cin, path);
      status = Load(path, &model);
    } else {
      std::string signature;
      int count;
      std::cin >> signature >> count;
      std::cin.get();
      Tensors request;
      status = ReadTensors(count, &request);
      if (status.ok()) status = Run(*model, signature, request, &answer);
    }
    Write(out, status, answer);
  }
  return 0;
}
